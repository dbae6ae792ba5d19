"""The contact sheet: one picture with the maps of all words."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from tam.errors import InputError
from tam.explanation.explanation import Explanation
from tam.explanation.word import Choice
from tam.render.caption import PAPER, Pixels, legend_strip, text_strip, word_strip
from tam.render.colors import DEFAULT_COLORS
from tam.render.pictures import OPACITY, stack_vertically, word_image
from tam.render.resize import resized
from tam.render.selection import chosen_words

CELL: Final = 320
"""Long side of a picture in pixels, unless there are many."""

_SMALLEST, _PIXELS = 96, 12_000_000
_NARROWEST: Final = 120
_GAP: Final = 12


def contact_sheet(
    explanation: Explanation,
    words: Sequence[Choice] | None = None,
    *,
    media: int | None = None,
    columns: int | None = None,
    cell: int | None = None,
    opacity: float = OPACITY,
    colors: str = DEFAULT_COLORS,
) -> Pixels:
    """Draw the reply, the map of each word with its probability, and a legend.

    Parameters
    ----------
    words
        As in :func:`tam.render.selection.chosen_words`.
    media
        Index of the only picture or clip; None for all that have a map, side by side. A clip shows
        each word at the frame where its map is highest.
    columns
        The number of words in a row; None for a sheet about as wide as it is high.
    cell
        Long side of each picture in pixels; None for `CELL`, or less if there are so many pictures
        that the sheet would be too large to open easily.
    opacity, colors
        As in :func:`tam.render.overlay`.

    Returns
    -------
    uint8 [H, W, 3], RGB.

    Raises
    ------
    InputError
        If a word, the picture or the color map is unknown, or a number is below 1.
    """
    if (cell is not None and cell < 1) or (columns is not None and columns < 1):
        raise InputError(
            f"cells of {cell} pixels in {columns} columns", where="sheet", remedy="give 1 or more"
        )
    chosen = chosen_words(explanation, words)
    marked = {target for word in chosen for target in word.targets}
    if len(chosen) == len(explanation.words):
        marked = set()  # if every word is drawn, marking them all says nothing
    if cell is None:
        pictures = len(chosen) * (len(explanation.media) if media is None else 1)
        cell = max(_SMALLEST, min(CELL, math.isqrt(_PIXELS // max(1, pictures))))
    small = resized(explanation, largest=cell, smallest=cell)
    cells = []
    for word in chosen_words(small, chosen):
        picture = word_image(word, media, opacity=opacity, colors=colors, caption=False)
        strip = word_strip(word, max(picture.shape[1], _NARROWEST), None)
        cells.append(stack_vertically(picture, strip))
    sheet = _grid(cells, columns or _columns(cells))
    width = sheet.shape[1]
    return stack_vertically(
        text_strip(explanation, marked, width), sheet, legend_strip(width, colors)
    )


def _columns(cells: list[Pixels]) -> int:
    height, width = cells[0].shape[:2]
    return min(len(cells), max(1, round(float(np.sqrt(len(cells) * height / width)))))


def _grid(cells: list[Pixels], columns: int) -> Pixels:
    height = max(len(cell) for cell in cells) + _GAP
    width = max(cell.shape[1] for cell in cells) + _GAP
    columns = min(columns, len(cells))
    rows = -(-len(cells) // columns)
    sheet = np.full((rows * height + _GAP, columns * width + _GAP, 3), PAPER, np.uint8)
    for index, cell in enumerate(cells):
        top, left = (
            place * step + _GAP
            for place, step in zip(divmod(index, columns), (height, width), strict=True)
        )
        sheet[top : top + len(cell), left : left + cell.shape[1]] = cell
    return sheet
