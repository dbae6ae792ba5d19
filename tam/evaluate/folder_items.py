"""A user's own pictures and masks, listed in a CSV file.

``items.csv`` in UTF-8, with a header; one row for each mask, so a picture may have several rows::

    image       path in the folder
    category    what the mask shows; a noun of the reply is scored if it is one of these words
    mask        path in the folder: a picture of the same size, not black where the object is
    prompt      optional; the question, "Describe this image." by default
    answer      optional; a reply to read in place of one that the model writes
    reference   optional; a true text for ROUGE-L

Rows with the same image, prompt and answer are one item. A picture is opened once for each item.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

from tam.errors import InputError
from tam.evaluate.annotations import inside, label_image
from tam.evaluate.items import Item, Mask
from tam.media.image import open_image
from tam.prompt.conversation import question

FILE = "items.csv"
PROMPT = "Describe this image."
_NEEDED = ("image", "category", "mask")
_OPTIONAL = ("prompt", "answer", "reference")


def folder_items(folder: Path, *, count: int | None = None) -> Iterator[Item]:
    """Read the items of a folder.

    Parameters
    ----------
    folder
        The folder that contains ``items.csv``.
    count
        The number of items; all by default.

    Raises
    ------
    InputError
        If the file, a picture or a mask is missing or does not fit.
    """
    groups: dict[tuple[str, str, str], list[dict[str, str]]] = {}
    for row in _rows(folder / FILE):
        key = row["image"], row["prompt"] or PROMPT, row["answer"]
        groups.setdefault(key, []).append(row)
    categories = {
        name: number
        for number, name in enumerate(
            dict.fromkeys(row["category"] for rows in groups.values() for row in rows), 1
        )
    }
    for number, ((image, prompt, answer), rows) in enumerate(list(groups.items())[:count]):
        picture = open_image(inside(folder, image))
        masks: dict[int, Mask] = {}
        for row in rows:
            path = inside(folder, row["mask"])
            mask = label_image(path, (picture.height, picture.width)) > 0
            known = masks.get(categories[row["category"]])
            masks[categories[row["category"]]] = mask if known is None else known | mask
        yield Item(
            name=f"{number:05d}-{Path(image).stem}",
            split="folder",
            conversation=question([picture], prompt),
            categories=categories,
            masks=masks,
            references=tuple(dict.fromkeys(row["reference"] for row in rows if row["reference"])),
            answer=answer or None,
        )


def _rows(path: Path) -> Iterator[dict[str, str]]:
    remedy = f"give a CSV file in UTF-8 with the columns {', '.join(_NEEDED)}"
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            missing = [name for name in _NEEDED if name not in (reader.fieldnames or ())]
            if missing:
                raise InputError(
                    f"has no column {', '.join(missing)}", where=str(path), remedy=remedy
                )
            for row in reader:
                values = {name: (row.get(name) or "").strip() for name in (*_NEEDED, *_OPTIONAL)}
                empty = [name for name in _NEEDED if not values[name]]
                if empty:
                    raise InputError(
                        f"has no {empty[0]}",
                        where=f"{path}, line {reader.line_num}",
                        remedy="fill it in",
                    )
                yield values
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror})", where=str(path), remedy=remedy
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError("is not a CSV file in UTF-8", where=str(path), remedy=remedy) from error
