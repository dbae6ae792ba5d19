"""Draw text on pictures, in any language for which this machine has a font.

Pillow's own font covers little more than ASCII. For other text, fonts that are common on Linux,
macOS and Windows are tried, as is the font bundled with matplotlib; each word is drawn in the font
that has most of its characters. A character that the font lacks is drawn as the font's box for
missing glyphs; so are emoji, because color glyphs are not supported.
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
_TRIED: Final = 16
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
    """A piece of running text, such as a word.

    Parameters
    ----------
    text
        Its text without the white space around it.
    spaced
        Whether white space precedes it.
    breaks
        Whether there is a line break before it.
    """

    text: str
    spaced: bool
    breaks: bool


@dataclass(frozen=True)
class Placed:
    """A piece with its position: the x of its left end, its width in pixels, and its line."""

    piece: Piece
    font: Font
    x: float
    width: float
    line: int


def spelled(text: str) -> str:
    """Return an untrusted text in printable form on one line."""
    return " ".join(printable(text[: 10 * _LONGEST]).split())


def font_for(text: str, size: int) -> Font:
    """Return the font that has most of a text's characters; Pillow's own if it has all."""
    if text.isascii():
        return plain_font(size)
    names = (*_WIDE_FONTS, *dict.fromkeys(_noto(character) for character in text))
    fonts = [plain_font(size), *(font for name in names if (font := _installed(name, size)))]
    return max(fonts, key=lambda font: sum(_has(font, character) for character in text))


def without_glyph(text: str) -> str:
    """Return the characters of a text that are drawn as boxes, because no font here has them."""
    shown = dict.fromkeys(character for character in spelled(text) if not character.isspace())
    return "".join(c for c in shown if not _has(font_for(c, _TRIED), c))


@cache
def plain_font(size: int) -> Font:
    """Return Pillow's own font, for labels and numbers."""
    return ImageFont.load_default(size)


def shortened(text: str, room: float, font: Font) -> str:
    """Shorten a text that is wider than ``room`` pixels, and append an ellipsis."""
    if font.getlength(text) <= room:
        return text
    text = text[:_LONGEST]
    while text and font.getlength(text + "…") > room:
        text = text[:-1]
    return text + "…"


def laid_out(pieces: Sequence[Piece], width: float, size: int) -> list[Placed]:
    """Break running text into lines.

    A line may break before any piece except punctuation. If the first letter of the text belongs to
    a right-to-left script, the pieces are laid out from right to left.

    Parameters
    ----------
    width
        Width of a line in pixels.
    size
        Font size in pixels.
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
    """Whether the first strongly directional letter is right-to-left (UAX #9, rules P2, P3)."""
    for piece in pieces:
        for character in piece.text:
            direction = unicodedata.bidirectional(character)
            if direction == "L" or direction in _RIGHT_TO_LEFT:
                return direction != "L"
    return False


def _noto(character: str) -> str:
    """Return the file name of the Noto font for a character's script, by its Unicode name."""
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
    """Return the path of a font bundled with matplotlib, if that is installed."""
    found = find_spec("matplotlib")
    package = Path(found.origin).parent if found and found.origin else Path()
    return str(package / "mpl-data" / "fonts" / "ttf" / name)


@cache
def _has(font: Font, character: str) -> bool:
    """Whether a font has a character: a missing one looks like a non-character, a box."""
    return bytes(font.getmask(character)) != bytes(font.getmask("\uffff"))
