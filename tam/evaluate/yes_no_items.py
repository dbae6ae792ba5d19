"""Yes-or-no questions about the objects in pictures: POPE and RePOPE.

Layout of the folder::

    coco_pope_random.json           JSON lines, one question each; any names, each file is a split
    val2014/COCO_val2014_....jpg    the pictures; also in images/, image/, train2014/ or here

A line holds ``image``, ``text`` and ``label`` ("yes" or "no"); RePOPE (arXiv 2504.15707) has the
same format with corrected labels. The model answers; :mod:`tam.evaluate.claims` has the figures.
"""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tam.errors import InputError
from tam.evaluate.annotations import REMEDY, picture_in, read_text, rows_of
from tam.evaluate.claims import answer_claims
from tam.evaluate.items import Item
from tam.media.image import open_image
from tam.prompt.conversation import question

_LONGEST = 32
_FIELDS = {"image": str, "text": str, "label": str}


def yes_no_items(folder: Path, *, count: int | None = None) -> Iterator[Item]:
    """Read the questions of a folder.

    Parameters
    ----------
    folder
        See above.
    count
        The number of questions of each file; all by default.

    Raises
    ------
    InputError
        If there is none, or a file is damaged or of another layout.
    """
    files = sorted(folder.glob("*.json"))
    if not files:
        raise InputError("holds no questions (*.json)", where=str(folder), remedy=REMEDY)
    for file in files:
        for number, row in enumerate(_questions(file)[:count]):
            yes = row["label"] == "yes"
            picture = open_image(picture_in(folder, row["image"]))
            yield Item(
                name=f"{file.stem}-{number:05d}",
                split=file.stem,
                conversation=question([picture], row["text"]),
                categories={},
                masks={},
                generation={"max_new_tokens": _LONGEST},
                judged=partial(answer_claims, yes=yes),
                yes=yes,
            )


def _questions(path: Path) -> list[dict[str, Any]]:
    try:
        lines = [json.loads(line) for line in read_text(path).splitlines() if line.strip()]
    except (ValueError, RecursionError) as error:
        raise InputError("is not JSON lines", where=str(path), remedy=REMEDY) from error
    rows = rows_of(lines, _FIELDS, path.name)
    for number, row in enumerate(rows):
        if row["label"] not in ("yes", "no"):
            raise InputError(
                f"has the label {row['label']!r}, not yes or no",
                where=f"{path.name}[{number}]",
                remedy=REMEDY,
            )
    return rows
