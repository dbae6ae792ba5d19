"""Clips with masks of their objects in every frame: DAVIS 2017 with its referring expressions.

Layout of the folder::

    JPEGImages/480p/bear/00000.jpg        the frames
    Annotations/480p/bear/00000.png       their masks: ids of objects, as indices of a palette
    davis_text_annotations/*.txt          expressions (Khoreva et al. 2018, arXiv 1803.08006), one a
                                          line: the clip, the object's id, and the text in quotes

An expression is read as the answer about a clip of evenly spaced frames; the noun that names its
object (:mod:`tam.evaluate.expressions`) should mark the object. :mod:`tam.evaluate.clip_masks` has
the figures.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tam.errors import InputError
from tam.evaluate.annotations import REMEDY, inside, label_image, read_text
from tam.evaluate.expressions import EXPRESSION_PROMPT, head_noun
from tam.evaluate.items import Item
from tam.media.image import open_image
from tam.media.media import Media
from tam.prompt.conversation import question

FRAMES = 8
"""The number of frames of each clip that are shown."""

_RATE = 24.0
_CLASS = 1
_LINE = re.compile(r"(\S+)\s+(\d+)\s+\"?(.*?)\"?\s*")


def davis_items(folder: Path, *, count: int | None = None) -> Iterator[Item]:
    """Read the expressions of a folder.

    Parameters
    ----------
    folder
        See above.
    count
        The number of expressions; all by default. Those without a noun are left out.

    Raises
    ------
    InputError
        If a file is missing, damaged or of another layout.
    """
    files = sorted((folder / "davis_text_annotations").glob("*.txt"))
    if not files:
        raise InputError(
            "holds no expressions (davis_text_annotations/*.txt)", where=str(folder), remedy=REMEDY
        )
    rows = [(file, *row) for file in files for row in enumerate(read_text(file).splitlines())]
    for file, number, line in rows[:count]:
        match = _LINE.fullmatch(line)
        if match is None:
            raise InputError(
                "is not a clip, an object and an expression",
                where=f"{file.name}, line {number + 1}",
                remedy=REMEDY,
            )
        clip, object_id, text = match.groups()
        noun = head_noun(text)
        if noun is not None:
            media, labels = _opened(folder, clip)
            yield Item(
                name=f"{file.stem}-{number:05d}-{clip}",
                split=file.stem,
                conversation=question([media], EXPRESSION_PROMPT),
                categories={noun: _CLASS},
                masks={_CLASS: labels == int(object_id)},
                answer=text,
            )


def _opened(folder: Path, clip: str) -> tuple[Media, np.ndarray]:
    """Open a clip's frames, and their labels, int64 [H, W], stacked vertically."""
    paths = sorted(inside(folder, f"JPEGImages/480p/{clip}").glob("*.jpg"))
    if not paths:
        raise InputError(
            f"has no frames of {clip!r} (JPEGImages/480p)", where=str(folder), remedy=REMEDY
        )
    chosen = _spread(len(paths))
    pictures = [open_image(paths[index]) for index in chosen]
    size = pictures[0].height, pictures[0].width
    masks = inside(folder, f"Annotations/480p/{clip}")
    labels = [label_image(masks / f"{paths[index].stem}.png", size) for index in chosen]
    frames = np.concatenate([picture.frames for picture in pictures])
    return Media(frames, np.array(chosen) / _RATE, clip, "video"), np.concatenate(labels)


def _spread(count: int) -> Sequence[int]:
    """Return the indices of at most ``FRAMES`` evenly spaced frames, the first and the last too."""
    if count <= FRAMES:
        return range(count)
    return [round(index) for index in np.linspace(0, count - 1, FRAMES).tolist()]
