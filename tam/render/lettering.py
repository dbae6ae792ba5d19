"""Text on pictures, in any language that a font on this machine can write.

Pillow's own font holds little more than ASCII. For anything else the fonts that are common on
Linux, macOS and Windows are tried, and the one that matplotlib brings along; for each word the one
that has most of its characters is taken. A character that none of them has is drawn as the font's
box for a missing one; so are emoji, because colored glyphs are not drawn.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from PIL import ImageFont

from tam.text.printable import printable

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_LONGEST: Final = 200
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL"})
_WIDE_FONTS: Final = (
    "DejaVuSans.ttf",
    "NotoSansCJK-Regular.ttc",
    "Arial Unicode.ttf",
    "Hiragino Sans GB.ttc",
    "segoeui.ttf",
    "msyh.ttc",
    "malgun.ttf",
    "Nirmala.ttf",
    "leelawui.ttf",
    "seguisym.ttf",
)


@dataclass(frozen=True)
class Piece:
    """One piece of a running text.

    Parameters
    ----------
    text
        Its text without the white space around it.
    spaced
        Whether white space stands before it.
    breaks
        Whether a line ends before it.
    """

    text: str
    spaced: bool
    breaks: bool


@dataclass(frozen=True)
class Placed:
    """A piece at its place: x of its left end and its width in pixels, and its line."""

    piece: Piece
    font: Font
    x: float
    width: float
    line: int


def spelled(text: str) -> str:
    """An untrusted text made printable on one line."""
    return " ".join(printable(text[: 10 * _LONGEST]).split())


def font_for(text: str, size: int) -> Font:
    """Choose the font with most of a text's characters; Pillow's own if it has all."""
    if text.isascii():
        return plain_font(size)
    names = (*_WIDE_FONTS, *dict.fromkeys(_noto(character) for character in text))
    fonts = [plain_font(size), *(font for name in names if (font := _installed(name, size)))]
    return max(fonts, key=lambda font: sum(_has(font, character) for character in text))


@cache
def plain_font(size: int) -> Font:
    """Pillow's own font, for labels and numbers."""
    return ImageFont.load_default(size)


def shortened(text: str, room: float, font: Font) -> str:
    """Shorten a text that is wider than ``room`` pixels, with an ellipsis."""
    if font.getlength(text) <= room:
        return text
    text = text[:_LONGEST]
    while text and font.getlength(text + "…") > room:
        text = text[:-1]
    return text + "…"


def laid_out(pieces: Sequence[Piece], width: float, size: int) -> list[Placed]:
    """Break a running text into lines.

    A line ends before any piece but a punctuation mark. Where the text's first letter is of a
    script that runs from right to left, the pieces do too.

    Parameters
    ----------
    width
        Width of a line in pixels.
    size
        Size of the letters in pixels.
    """
    leftward = _runs_left(pieces)
    space = plain_font(size).getlength(" ")
    placed: list[Placed] = []
    x, line = 0.0, 0
    for piece in pieces:
        font = font_for(piece.text, size)
        shown = Piece(shortened(piece.text, width, font), piece.spaced, piece.breaks)
        long = font.getlength(shown.text)
        start = x + space if piece.spaced and x else x
        overflows = start + long > width and any(map(str.isalnum, piece.text))
        if (piece.breaks or overflows) and placed:
            line, start = line + 1, 0.0
        left = width - start - long if leftward else start
        placed.append(Placed(shown, font, left, long, line))
        x = start + long
    return placed


def _runs_left(pieces: Sequence[Piece]) -> bool:
    """Whether the first letter with a direction runs from right to left (UAX #9, rules P2, P3)."""
    for piece in pieces:
        for character in piece.text:
            direction = unicodedata.bidirectional(character)
            if direction == "L" or direction in _RIGHT_TO_LEFT:
                return direction != "L"
    return False


def _noto(character: str) -> str:
    """File name of the Noto font for a character's script, from its Unicode name."""
    script = unicodedata.name(character, "x").split()[0].capitalize()
    return f"NotoSans{script}-Regular.ttf"


@cache
def _installed(name: str, size: int) -> Font | None:
    for place in (name, _brought_along(name)):
        try:
            return ImageFont.truetype(place, size)
        except OSError:
            continue
    return None


def _brought_along(name: str) -> str:
    """The path of a font of this name in matplotlib, if it is installed."""
    found = find_spec("matplotlib")
    package = Path(found.origin).parent if found and found.origin else Path()
    return str(package / "mpl-data" / "fonts" / "ttf" / name)


@cache
def _has(font: Font, character: str) -> bool:
    """Whether a font has a character; if not, it draws the same box as for a non-character."""
    return bytes(font.getmask(character)) != bytes(font.getmask("\uffff"))
