"""Pictures of maps: the map over the picture, a caption with the word, a legend with numbers."""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tam.colours import DEFAULT_COLOURS, colour
from tam.errors import InputError
from tam.evidence import peak
from tam.explanation import Word
from tam.spelling import percent, printable

OPACITY: Final = 0.8
OPACITY_EXPONENT: Final = 0.75
"""A map of value v covers its picture with ``opacity * v ** exponent``: nothing where it is 0."""

_HATCH_STEP = 12
_PAPER = (250, 249, 246)
_INK = (32, 33, 36)
_FAINT = (112, 112, 108)
_GAP = 8
_NARROWEST = 320

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Pixels = NDArray[np.uint8]

# Pillow's own font holds Latin letters only; these are on most systems and hold the rest.
_WIDE_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "DejaVuSans.ttf",
    "Hiragino Sans GB.ttc",
    "Arial Unicode.ttf",
    "msyh.ttc",
    "seguiemj.ttf",
)


def overlay(
    pixels: Pixels,
    heat: NDArray[np.float32],
    *,
    opacity: float = OPACITY,
    colours: str = DEFAULT_COLOURS,
    covered: NDArray[np.bool_] | None = None,
) -> Pixels:
    """Lay a map over a picture.

    Parameters
    ----------
    pixels
        uint8 [H, W, 3], RGB.
    heat
        float32 [H, W] in [0, 1].
    opacity
        How much of the picture the highest value hides, in [0, 1]; less where the map is lower.
    colours
        Name of the colour map, see :data:`tam.colours.COLOUR_ANCHORS`.
    covered
        bool [H, W]: what the model's vision tokens cover. The rest is dimmed and hatched.

    Returns
    -------
    uint8 [H, W, 3], RGB.

    Raises
    ------
    InputError
        If the sizes differ, or there is no such colour map.
    """
    if heat.shape != pixels.shape[:2] or (covered is not None and covered.shape != heat.shape):
        raise InputError(
            f"a map of {list(heat.shape)} over a picture of {list(pixels.shape)}",
            where="overlay",
            remedy="bring the map to the picture's size first, as Word.map does",
        )
    value = np.clip(heat, 0, 1)
    alpha = (opacity * value**OPACITY_EXPONENT)[..., None].astype(np.float32)
    base = pixels if covered is None else _hatched(pixels, covered)
    mixed = base * (1 - alpha) + colour(value, colours) * alpha
    return np.rint(mixed).astype(np.uint8)


def word_image(
    word: Word,
    media: int | None = None,
    frame: int | None = None,
    *,
    opacity: float = OPACITY,
    colours: str = DEFAULT_COLOURS,
    caption: bool = True,
) -> Pixels:
    """Draw a word's map over its pictures, side by side where several have one.

    Parameters
    ----------
    word
        A word of an explanation, of the reply or of the prompt.
    media
        Which picture or clip alone; all that have a map where it is None.
    frame
        Which frame of a clip; the one where the map is highest where it is None.
    opacity, colours
        See :func:`overlay`.
    caption
        Whether a strip with the word, its probability and a legend stands below.

    Returns
    -------
    uint8 [H, W, 3], RGB. Pictures keep their size; :func:`tam.resize.resized` changes it.
    """
    explanation = word.explanation
    shown = sorted({grid.media for grid in explanation.grids}) if media is None else [media]
    pictures = []
    for index in shown:
        moment = _strongest_frame(word, index) if frame is None else frame
        heat = word.map(index, moment)
        pixels = explanation.media[index].frames[moment]
        covered = explanation.coverage(index)
        pictures.append(overlay(pixels, heat, opacity=opacity, colours=colours, covered=covered))
    picture = _side_by_side(pictures)
    if not caption:
        return picture
    probability = word.probability
    label = "" if probability is None else percent(probability)
    width = max(picture.shape[1], _NARROWEST)
    return _stacked(picture, _caption(word.text, label, colours, width))


def _strongest_frame(word: Word, media: int) -> int:
    if len(word.explanation.media[media].frames) == 1:
        return 0
    highest = peak(word, media)
    return highest.frame if highest else 0


def _hatched(pixels: Pixels, covered: NDArray[np.bool_]) -> Pixels:
    if covered.all():
        return pixels
    height, width = covered.shape
    lines = (np.add.outer(np.arange(height), np.arange(width)) % _HATCH_STEP) < 2
    result = pixels.copy()
    dim = ~covered & ~lines
    result[dim] = (pixels[dim] * 0.4 + 60).astype(np.uint8)
    bright = ~covered & lines
    result[bright] = (pixels[bright] * 0.4 + 130).astype(np.uint8)
    return result


def _side_by_side(pictures: list[Pixels]) -> Pixels:
    if not pictures:
        return np.zeros((0, 0, 3), np.uint8)
    height = max(picture.shape[0] for picture in pictures)
    width = sum(picture.shape[1] + _GAP for picture in pictures) - _GAP
    sheet = np.full((height, width, 3), _PAPER, np.uint8)
    left = 0
    for picture in pictures:
        sheet[: picture.shape[0], left : left + picture.shape[1]] = picture
        left += picture.shape[1] + _GAP
    return sheet


def _stacked(above: Pixels, below: Pixels) -> Pixels:
    sheet = np.full((len(above) + len(below), below.shape[1], 3), _PAPER, np.uint8)
    left = (below.shape[1] - above.shape[1]) // 2
    sheet[: len(above), left : left + above.shape[1]] = above
    sheet[len(above) :] = below
    return sheet


def _caption(text: str, label: str, colours: str, width: int) -> Pixels:
    size = int(np.clip(width / 30, 16, 32))
    small = int(size * 0.62)
    height, margin = int(size * 2.6), int(size * 0.8)
    strip = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(strip)

    bar_width, bar_height = int(width * 0.36), int(size * 0.55)
    left, top = width - margin - bar_width, int(size * 0.6)
    ramp = np.linspace(0, 1, bar_width, dtype=np.float32)[None].repeat(bar_height, axis=0)
    bar = np.rint(colour(ramp, colours)).astype(np.uint8)
    strip.paste(Image.fromarray(bar), (left, top))
    for share, number, anchor in ((0.0, "0", "la"), (0.5, "0.5", "ma"), (1.0, "1", "ra")):
        place = (left + share * bar_width, top + bar_height + size * 0.22)
        draw.text(place, number, fill=_FAINT, font=_font(small), anchor=anchor)

    room = left - 2 * margin
    label_width = draw.textlength(label, font=_font(small)) + size * 0.5 if label else 0
    spelled = " ".join(printable(text).split())
    font = _font_for(spelled, size)
    spelled = _shortened(spelled, room - label_width, font)
    baseline = height * 0.64
    draw.text((margin, baseline), spelled, fill=_INK, font=font, anchor="ls")
    start = margin + draw.textlength(spelled, font=font) + size * 0.5
    draw.text((start, baseline), label, fill=_FAINT, font=_font(small), anchor="ls")
    return np.asarray(strip)


def _shortened(text: str, room: float, font: Font) -> str:
    if font.getlength(text) <= room:
        return text
    text = text[:200]
    while text and font.getlength(text + "…") > room:
        text = text[:-1]
    return text + "…"


@cache
def _font(size: int, name: str | None = None) -> Font:
    return ImageFont.load_default(size) if name is None else ImageFont.truetype(name, size)


@cache
def _installed() -> tuple[str, ...]:
    names = []
    for name in _WIDE_FONTS:
        try:
            ImageFont.truetype(name, 16)
        except OSError:
            continue
        names.append(name)
    return tuple(names)


def _font_for(text: str, size: int) -> Font:
    """Choose the font that has most of the text's characters; Pillow's own where it has all."""
    if text.isascii():
        return _font(size)
    fonts = [_font(size), *(_font(size, name) for name in _installed())]
    return max(fonts, key=lambda font: sum(_has(font, character) for character in text))


def _has(font: Font, character: str) -> bool:
    """Whether a font can draw a character: else it draws the same box as for a non-character."""
    return bytes(font.getmask(character)) != bytes(font.getmask("\uffff"))
