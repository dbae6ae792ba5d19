"""Referring expressions with boxes: RefCOCO, RefCOCO+ and RefCOCOg.

Layout of the folder, as the authors of MDETR published it (the original files are pickles, which
are never read)::

    *refcoco*.json                  images and annotations in COCO's form; each image is one
                                    expression: its ``caption``, ``file_name``, ``id``
    train2014/COCO_train2014_....jpg    the pictures; also in images/, image/, val2014/ or here

The expression is read as the answer. The noun that names its object should mark the box, see
:mod:`tam.evaluate.expressions`; expressions without one are left out.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tam.errors import InputError
from tam.evaluate.annotations import REMEDY, member, picture_in, read_json, rows_of
from tam.evaluate.expressions import EXPRESSION_PROMPT, head_noun
from tam.evaluate.items import Item, Mask
from tam.media.image import open_image
from tam.prompt.conversation import question

_CLASS = 1


def refcoco_items(folder: Path, *, count: int | None = None) -> Iterator[Item]:
    """Read the expressions of a folder.

    Parameters
    ----------
    folder
        See above.
    count
        The number of expressions of each file; all by default.

    Raises
    ------
    InputError
        If a file is missing, damaged or of another layout.
    """
    files = sorted(path for path in folder.glob("*.json") if "ref" in path.name)
    if not files:
        raise InputError("holds no *ref*.json", where=str(folder), remedy=REMEDY)
    for file in files:
        data = read_json(file)
        images = rows_of(
            member(data, "images", file.name),
            {"id": int, "file_name": str, "caption": str},
            f"{file.name}: images",
        )
        boxes: dict[int, list[Any]] = {}
        rows = rows_of(
            member(data, "annotations", file.name),
            {"image_id": int, "bbox": list},
            f"{file.name}: annotations",
        )
        for row in rows:
            boxes.setdefault(row["image_id"], []).append(row["bbox"])
        for row in images[:count]:
            noun = head_noun(row["caption"])
            if noun is None:
                continue
            picture = open_image(picture_in(folder, row["file_name"]))
            size = picture.height, picture.width
            where = f"{file.name}: image {row['id']}"
            mask = np.zeros(size, bool)
            for box in boxes.get(row["id"], []):
                mask |= box_mask(box, size, where)
            yield Item(
                name=f"{file.stem}-{row['id']:08d}",
                split=file.stem,
                conversation=question([picture], EXPRESSION_PROMPT),
                categories={noun: _CLASS},
                masks={_CLASS: mask},
                answer=row["caption"],
            )


def box_mask(box: Any, size: tuple[int, int], where: str) -> Mask:
    """Draw a box ``[x, y, width, height]`` in pixels: bool [H, W].

    Raises
    ------
    InputError
        If it is no such box, or lies outside the picture.
    """
    fits = (
        isinstance(box, list)
        and len(box) == 4
        and all(isinstance(n, int | float) and not isinstance(n, bool) for n in box)
        and all(np.isfinite(box))
    )
    if fits:
        x, y, width, height = box
        rows = slice(max(round(y), 0), max(round(y + height), 0))
        columns = slice(max(round(x), 0), max(round(x + width), 0))
        mask = np.zeros(size, bool)
        mask[rows, columns] = True
        if mask.any():
            return mask
    raise InputError("has no box [x, y, width, height] in its picture", where=where, remedy=REMEDY)
