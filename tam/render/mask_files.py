"""The files that ``tam masks`` writes: JSON or PNG, each marked as made by the toolkit."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tam.errors import InputError
from tam.explanation.explanation import Explanation
from tam.explanation.word import Choice
from tam.files.marks import PLACEHOLDER
from tam.files.png import encode_png
from tam.files.writing import check_file, replacing_file
from tam.render.masks import DOCUMENTS, label_names, labels, segments
from tam.render.selection import chosen_words

FORMATS: Final = {
    "coco": ".json",
    "voc": ".png",
    "png": ".png",
    "boxes": ".json",
    "points": ".json",
    "labelme": ".json",
}
"""The suffix of each kind of mask file."""

_OF_ONE_FRAME: Final = ("voc", "png", "labelme")


def write_masks(
    explanation: Explanation,
    path: str | Path,
    kind: str,
    words: Sequence[Choice] | None = None,
    *,
    media: int | None = None,
    frame: int | None = None,
    threshold: float | str = "otsu",
    force: bool = False,
) -> Path:
    """Write the masks of words in a format of other tools.

    =========== ====================================================================
    ``coco``    COCO's object detection JSON, masks run-length encoded
    ``voc``     a PNG of category numbers with VOC's palette; its comment names them
    ``png``     a PNG that is white where the mask of any word is set
    ``boxes``   a JSON list of boxes
    ``points``  a JSON list of points and boxes, prompts for segmenters such as SAM
    ``labelme`` labelme's JSON of polygons
    =========== ====================================================================

    Parameters
    ----------
    path
        The file, which is written under a temporary name and renamed.
    kind
        A key of `FORMATS`.
    words
        As in :func:`tam.render.selection.chosen_words`. Their texts are the categories.
    media, frame
        Index of the only picture or clip, and of its frame; None for all. ``voc``, ``png`` and
        ``labelme`` hold one frame, which must be given if there are several.
    threshold
        As in :func:`tam.explanation.strength.mask`.
    force
        Whether to replace an earlier file that has not been changed.

    Returns
    -------
    The path.

    Raises
    ------
    InputError
        If the kind, a word, a picture or the threshold is unknown.
    OutputError
        If the file exists and must not be replaced, or cannot be written.
    SetupError
        If pycocotools is needed but not installed.
    """
    path = Path(path)
    if kind not in FORMATS:
        raise InputError(
            f"unknown kind of mask file {kind!r}",
            where="--as",
            remedy=f"use one of {', '.join(FORMATS)}",
        )
    check_file(path, force=force)
    chosen = chosen_words(explanation, words)
    if kind in _OF_ONE_FRAME:
        media, frame = _one_frame(explanation, media, frame)
    found = segments(explanation, chosen, media, frame, threshold)
    if kind in DOCUMENTS:
        document = DOCUMENTS[kind](explanation, found, chosen)
        marked = {"info": {"description": explanation.text, "contributor": PLACEHOLDER}, **document}
        content = (json.dumps(marked, allow_nan=False) + "\n").encode()
    else:
        item = explanation.media[media or 0]
        numbers = labels(found, chosen, (item.height, item.width))
        if kind == "png":
            white = np.where(numbers > 0, np.uint8(255), np.uint8(0))
            content = encode_png(white, comment=PLACEHOLDER)
        else:
            content = _voc_png(numbers, label_names(chosen))
    with replacing_file(path, force=force) as temporary:
        temporary.write_bytes(content)
    return path


def _one_frame(explanation: Explanation, media: int | None, frame: int | None) -> tuple[int, int]:
    """Return the indices of the picture and frame requested, or of the only one."""
    if media is None and len(explanation.media) != 1:
        raise InputError(
            f"the explanation has {len(explanation.media)} pictures",
            where="masks",
            remedy="give --picture",
        )
    item = explanation.item(media or 0, frame)
    if frame is None and len(item.frames) > 1:
        raise InputError(
            f"the clip has {len(item.frames)} frames", where="masks", remedy="give --frame"
        )
    return media or 0, frame or 0


def _voc_png(numbers: NDArray[np.uint8], names: Sequence[str]) -> bytes:
    picture = Image.fromarray(numbers, "L")
    picture.putpalette(_palette())
    remarks = PngInfo()
    remarks.add_text("Comment", PLACEHOLDER)
    remarks.add_itxt("Categories", json.dumps(["background", *names]))
    stream = io.BytesIO()
    picture.save(stream, "PNG", pnginfo=remarks)
    return stream.getvalue()


def _palette() -> bytes:
    """Return the VOC development kit's palette, which spreads a number's bits over the channels."""
    colors = bytearray()
    for number in range(256):
        for channel in range(3):
            bits = (number >> (3 * place + channel) & 1 for place in range(3))
            colors.append(sum(bit << (7 - place) for place, bit in enumerate(bits)))
    return bytes(colors)
