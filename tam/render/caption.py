"""Captions for pictures of maps: the word, the legend and the running text."""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tam.explanation.data import CUT_MARK
from tam.explanation.explanation import Explanation
from tam.explanation.word import Word
from tam.render.colors import color
from tam.render.lettering import (
    Piece,
    Placed,
    font_for,
    laid_out,
    plain_font,
    shortened,
    spelled,
)
from tam.text.printable import percent, printable

PAPER: Final = (250, 249, 246)
_INK: Final = (32, 33, 36)
_FAINT: Final = (112, 112, 108)
_MARK: Final = (255, 214, 122)

Pixels = NDArray[np.uint8]


def word_strip(word: Word | None, width: int, colors: str | None) -> Pixels:
    """Draw a word with its probability, and the legend of the color map unless it is None.

    For words that do not follow each other, the probability is omitted, because the product of
    theirs has no meaning.

    Returns
    -------
    uint8 [h, width, 3]
    """
    size = letter_size(width)
    height, margin = int(size * 2.6), int(size * 0.8)
    strip = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(strip)
    room = width - 2 * margin
    if colors is not None:
        bar = int(width * 0.36)
        _draw_legend(strip, (width - margin - bar, int(size * 0.6)), bar, size, colors)
        room -= bar + margin
    label = "" if word is None else _probability(word)
    small = plain_font(max(12, int(size * 0.62)))
    label_width = small.getlength(label) + size * 0.5 if label else 0
    text = spelled(word.text) if word else ""
    font = font_for(text, size)
    text = shortened(text, room - label_width, font)
    baseline = height * 0.64
    draw.text((margin, baseline), text, fill=_INK, font=font, anchor="ls")
    start = margin + font.getlength(text) + size * 0.5
    draw.text((start, baseline), label, fill=_FAINT, font=small, anchor="ls")
    return np.asarray(strip)


def legend_strip(width: int, colors: str) -> Pixels:
    """Draw only the legend of a color map, uint8 [h, width, 3]."""
    size = letter_size(width)
    bar = min(width - 2 * size, 24 * size)
    strip = Image.new("RGB", (width, int(size * 2.4)), PAPER)
    _draw_legend(strip, ((width - bar) // 2, int(size * 0.6)), bar, size, colors)
    return np.asarray(strip)


@dataclass(frozen=True)
class RunningText:
    """The reply, broken into the lines of a strip.

    Parameters
    ----------
    placed
        The words with their positions.
    targets
        The tokens of each word.
    width
        Width of the strip in pixels.
    """

    placed: tuple[Placed, ...]
    targets: tuple[tuple[int, ...], ...]
    width: int

    @property
    def lines(self) -> int:
        """The number of lines."""
        return self.placed[-1].line + 1 if self.placed else 1

    def drawn(self, marked: Collection[int], lines: int | None = None) -> Pixels:
        """Draw the lines, see :func:`text_strip`."""
        lines = lines or self.lines
        size = letter_size(self.width)
        margin, step = int(size * 0.8), int(size * 1.5)
        lit = [any(target in marked for target in held) for held in self.targets]
        # The marked word is on the second drawn line, if there are lines before it.
        marks = (item.line for item, is_lit in zip(self.placed, lit, strict=True) if is_lit)
        first = max(0, min(next(marks, 0) - 1, self.lines - lines))
        strip = Image.new("RGB", (self.width, lines * step + margin), PAPER)
        draw = ImageDraw.Draw(strip)
        shown = [
            (item, is_lit, margin + item.x, margin // 2 + (item.line - first) * step + size)
            for item, is_lit in zip(self.placed, lit, strict=True)
            if first <= item.line < first + lines
        ]
        for item, is_lit, x, y in shown:
            if is_lit:
                box = (x - size * 0.12, y - size, x + item.width + size * 0.12, y + size * 0.36)
                draw.rounded_rectangle(box, radius=size * 0.2, fill=_MARK)
        for item, _, x, y in shown:
            draw.text((x, y), item.piece.text, fill=_INK, font=item.font, anchor="ls")
        return np.asarray(strip)


def running_text(explanation: Explanation, width: int) -> RunningText:
    """Break the reply into lines for strips of a given width, once for all strips of a movie."""
    pieces, targets = _pieces(explanation)
    size = letter_size(width)
    placed = laid_out(pieces, width - 2 * int(size * 0.8), size)
    return RunningText(tuple(placed), tuple(targets), width)


def text_strip(
    explanation: Explanation, marked: Collection[int], width: int, lines: int | None = None
) -> Pixels:
    """Draw the reply as running text.

    Parameters
    ----------
    marked
        Indices of the tokens whose words are marked.
    lines
        The number of lines to draw, which include that of the first marked word; None for all lines
        of the text.

    Returns
    -------
    uint8 [h, width, 3]
    """
    return running_text(explanation, width).drawn(marked, lines)


def letter_size(width: int) -> int:
    """Return the font size for captions of a picture of a given width, in pixels."""
    return int(np.clip(width / 30, 16, 32))


def _probability(word: Word) -> str:
    in_a_row = word.targets == tuple(range(word.targets[0], word.targets[-1] + 1))
    return percent(word.probability) if in_a_row and word.probability is not None else ""


def _draw_legend(
    strip: Image.Image, place: tuple[int, int], width: int, size: int, colors: str
) -> None:
    left, top = place
    height = int(size * 0.55)
    ramp = np.linspace(0, 1, width, dtype=np.float32)[None].repeat(height, axis=0)
    strip.paste(Image.fromarray(np.rint(color(ramp, colors)).astype(np.uint8)), place)
    draw = ImageDraw.Draw(strip)
    small = plain_font(max(12, int(size * 0.62)))
    for share, number, anchor in ((0.0, "0", "la"), (0.5, "0.5", "ma"), (1.0, "1", "ra")):
        at = (left + share * width, top + height + size * 0.22)
        draw.text(at, number, fill=_FAINT, font=small, anchor=anchor)


def _pieces(explanation: Explanation) -> tuple[list[Piece], list[tuple[int, ...]]]:
    """Split the reply into words, each with the white space before it and its tokens."""
    pieces, targets = [], []
    before = ""
    reply = list(enumerate(explanation.tokens))[explanation.prompt_targets :]
    for word, group in groupby(reply, lambda item: item[1].word):
        tokens = list(group)
        text = printable("".join(token.text for _, token in tokens))
        if word < 0 or not text.strip():
            before += text
            continue
        gap = before + text[: len(text) - len(text.lstrip())]
        pieces.append(Piece(spelled(text), bool(gap), "\n" in gap))
        targets.append(tuple(target for target, _ in tokens))
        before = text[len(text.rstrip()) :]
    if explanation.cut:
        pieces.append(Piece(CUT_MARK, True, False))
        targets.append(())
    return pieces, targets
