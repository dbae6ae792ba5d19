"""The data sets of the published evaluation, as its authors packed them, and plain COCO.

The packed layout is documented only by the authors' own reader. It is read as follows:

COCO 2014 (``coco_items``)::

    annotations/instances_*.json    the pictures (and, in plain COCO, their masks)
    annotations/captions_*.json     their captions
    image/000000000042.jpg          or val2014/, train2014/, images/ with the JSON's file name
    seg_label/000000000042.png      class ids as grey levels; without this folder the masks come
                                    from the JSON, and a pixel may belong to several classes

GranDf and OpenPSG (``packed_items``)::

    anno.json                       [[picture, description, label image, {category: id}], ...]

In COCO, the objects that the model's own caption names are claims, see
:mod:`tam.evaluate.object_words`. Class names are COCO's, except for "ball" (for "sports ball") and
"glass" (for "wine glass").
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tam.errors import InputError
from tam.evaluate.annotations import (
    REMEDY,
    class_masks,
    inside,
    label_image,
    member,
    picture_in,
    read_json,
    rows_of,
    segmentation_mask,
)
from tam.evaluate.items import Item, Mask
from tam.evaluate.object_words import object_claims
from tam.media.image import open_image
from tam.prompt.conversation import question

COCO_PROMPT = "Write a one-sentence caption for this image:"
PACKED_PROMPTS: dict[str, str] = {
    "grandf": "Write a description for this image using around two sentences:",
    "openpsg": "Write a description for this image using around three sentences:",
}
_RENAMED = {"sports ball": "ball", "wine glass": "glass"}


def coco_items(folder: Path, *, count: int | None = None) -> Iterator[Item]:
    """Read COCO captions and instances.

    Parameters
    ----------
    folder
        See above.
    count
        The number of pictures, in the order of the file; all by default.

    Raises
    ------
    InputError
        If a file is missing, damaged or of another layout.
    SetupError
        If masks come as polygons and pycocotools is missing.
    """
    instances, captions = (_one(folder, kind) for kind in ("instances", "captions"))
    data, told = read_json(instances), read_json(captions)
    where = instances.name
    pictures = rows_of(member(data, "images", where), {"id": int}, f"{where}: images")
    named = rows_of(
        member(data, "categories", where), {"id": int, "name": str}, f"{where}: categories"
    )
    categories = {_RENAMED.get(row["name"], row["name"]): row["id"] for row in named}
    references: dict[int, list[str]] = {}
    rows = member(told, "annotations", captions.name)
    for row in rows_of(rows, {"image_id": int, "caption": str}, f"{captions.name}: annotations"):
        references.setdefault(row["image_id"], []).append(row["caption"])
    names = {row["id"]: row["name"] for row in named}
    annotated = _categories_by_picture(data)
    labelled = (folder / "seg_label").is_dir()
    marked = {} if labelled else _annotations(data, where)
    for row in pictures[:count]:
        number = row["id"]
        picture = open_image(_picture(folder, row))
        size = picture.height, picture.width
        if labelled:
            path = inside(folder, f"seg_label/{number:012d}.png")
            # The authors treat a picture without a label image as one without objects.
            masks = class_masks(label_image(path, size), categories) if path.exists() else {}
        else:
            masks = _drawn(marked.get(number, []), size, f"{where}: image {number}")
        yield Item(
            name=f"{number:012d}",
            split="coco",
            conversation=question([picture], COCO_PROMPT),
            categories=categories,
            masks=masks,
            references=tuple(references.get(number, ())),
            judged=object_claims(
                {names[n] for n in annotated.get(number, ()) if n in names},
                references.get(number, ()),
            ),
        )


def packed_items(folder: Path, kind: str, *, count: int | None = None) -> Iterator[Item]:
    """Read GranDf or OpenPSG.

    Parameters
    ----------
    folder
        See above.
    kind
        ``"grandf"`` or ``"openpsg"``, which determines the prompt.
    count
        The number of pictures; all by default.

    Raises
    ------
    InputError
        If a file is missing, damaged or of another layout.
    """
    rows = read_json(folder / "anno.json")
    if not isinstance(rows, list):
        raise InputError("is not a list", where=str(folder / "anno.json"), remedy=REMEDY)
    for number, row in enumerate(rows[:count]):
        name, text, labels, categories = _packed_row(row, f"anno.json[{number}]")
        picture = open_image(inside(folder, name))
        path = inside(folder, labels)
        size = picture.height, picture.width
        yield Item(
            name=f"{number:05d}-{Path(name).stem}",
            split=kind,
            conversation=question([picture], PACKED_PROMPTS[kind]),
            categories=categories,
            masks=class_masks(label_image(path, size), categories) if path.is_file() else {},
            references=(text,),
        )


def _packed_row(row: Any, where: str) -> tuple[str, str, str, dict[str, int]]:
    if (
        not isinstance(row, list)
        or len(row) != 4
        or not all(isinstance(part, str) for part in row[:3])
        or not isinstance(row[3], dict)
        or not all(type(number) is int and number > 0 for number in row[3].values())
    ):
        raise InputError(
            "is not [picture, description, label image, {category: id above 0}]",
            where=where,
            remedy=REMEDY,
        )
    name, text, labels, categories = row
    return name, text, labels, categories


def _one(folder: Path, kind: str) -> Path:
    """Return the folder's file of a kind; the authors' minival if there are several."""
    found = sorted((folder / "annotations").glob(f"{kind}_*.json"))
    chosen = [path for path in found if "minival" in path.name] or found
    if len(chosen) != 1:
        raise InputError(
            f"holds {len(chosen) or 'no'} files {kind}_*.json",
            where=str(folder / "annotations"),
            remedy="keep one file of instances and one of captions there",
        )
    return chosen[0]


def _picture(folder: Path, row: dict[str, Any]) -> Path:
    packed = inside(folder, f"image/{row['id']:012d}.jpg")
    if packed.is_file() or not isinstance(row.get("file_name"), str):
        return packed
    plain = picture_in(folder, row["file_name"])
    return plain if plain.is_file() else packed


def _annotations(data: Any, where: str) -> dict[int, list[dict[str, Any]]]:
    rows = rows_of(
        member(data, "annotations", where),
        {"image_id": int, "category_id": int, "segmentation": (list, dict)},
        f"{where}: annotations",
    )
    by_picture: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        by_picture.setdefault(row["image_id"], []).append(row)
    return by_picture


def _categories_by_picture(data: Any) -> dict[int, set[int]]:
    """Return the category ids of each picture's annotations; a file may have none."""
    found: dict[int, set[int]] = {}
    rows = data.get("annotations", [])
    for row in rows_of(rows, {"image_id": int, "category_id": int}, "annotations"):
        found.setdefault(row["image_id"], set()).add(row["category_id"])
    return found


def _drawn(rows: list[dict[str, Any]], size: tuple[int, int], where: str) -> dict[int, Mask]:
    masks: dict[int, Mask] = {}
    for row in rows:
        mask = segmentation_mask(row["segmentation"], size, where)
        known = masks.get(row["category_id"])
        masks[row["category_id"]] = mask if known is None else known | mask
    return masks
