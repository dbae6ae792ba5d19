"""Draw maps over pictures, with a caption for the word and a legend with numbers."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tam.errors import InputError
from tam.explanation.data import ExplanationData
from tam.explanation.word import Word
from tam.render.caption import PAPER, Pixels, word_strip
from tam.render.colors import DEFAULT_COLORS, color

OPACITY: Final = 0.8
OPACITY_EXPONENT: Final = 0.75
"""Where a map has the value v, its opacity is ``opacity * v ** exponent``."""

_HATCH_STEP = 12
_GAP = 8
_NARROWEST = 320


def overlay(
    pixels: Pixels,
    heat: NDArray[np.float32],
    *,
    opacity: float = OPACITY,
    colors: str = DEFAULT_COLORS,
    covered: NDArray[np.bool_] | None = None,
) -> Pixels:
    """Draw a map over a picture.

    Parameters
    ----------
    pixels
        uint8 [H, W, 3], RGB.
    heat
        float32 [H, W] in [0, 1], NaN where it is not known.
    opacity
        Opacity of the map at value 1, in [0, 1]; lower values are more transparent.
    colors
        Name of the color map, see :data:`tam.render.colors.COLOR_ANCHORS`.
    covered
        bool [H, W]: the pixels that vision tokens cover. All others are dimmed and hatched, as are
        pixels whose value is not known.

    Returns
    -------
    uint8 [H, W, 3], RGB.

    Raises
    ------
    InputError
        If the sizes differ, or the color map is unknown.
    """
    if heat.shape != pixels.shape[:2] or (covered is not None and covered.shape != heat.shape):
        raise InputError(
            f"a map of {list(heat.shape)} over a picture of {list(pixels.shape)}",
            where="overlay",
            remedy="bring the map to the picture's size first, as Word.map does",
        )
    unknown = np.isnan(heat)
    value = np.clip(np.where(unknown, np.float32(0), heat), 0, 1)
    if unknown.any():
        covered = ~unknown if covered is None else covered & ~unknown
    alpha = (opacity * value**OPACITY_EXPONENT)[..., None].astype(np.float32)
    base = pixels if covered is None else _hatched(pixels, covered)
    mixed = base * (1 - alpha) + color(value, colors) * alpha
    return np.rint(mixed).astype(np.uint8)


def word_image(
    word: Word,
    media: int | None = None,
    frame: int | None = None,
    *,
    opacity: float = OPACITY,
    colors: str = DEFAULT_COLORS,
    caption: bool = True,
) -> Pixels:
    """Draw a word's map over its pictures, side by side if several have a map.

    Parameters
    ----------
    word
        A word of an explanation, of the reply or of the prompt.
    media
        Index of the only picture or clip; None for all that have a map.
    frame
        Index of a clip's frame; None for the one where the map is highest.
    opacity, colors
        As in :func:`overlay`.
    caption
        Whether to draw a strip below with the word, its probability and a legend.

    Returns
    -------
    uint8 [H, W, 3], RGB. Pictures keep their size; see :func:`tam.render.resize.resized`.
    """
    frames = {
        index: strongest_frame(word, index) if frame is None else frame
        for index in shown_media(word.explanation, media)
    }
    picture = overlays(word, frames, opacity=opacity, colors=colors)
    if not caption:
        return picture
    width = max(picture.shape[1], _NARROWEST)
    return stack_vertically(picture, word_strip(word, width, colors))


def overlays(
    word: Word,
    frames: Mapping[int, int],
    *,
    opacity: float = OPACITY,
    colors: str = DEFAULT_COLORS,
) -> Pixels:
    """Draw a word's map over one frame of each given picture or clip, side by side.

    Parameters
    ----------
    frames
        The index of the frame, by the index of the picture or clip.
    opacity, colors
        As in :func:`overlay`.

    Returns
    -------
    uint8 [H, W, 3], RGB.
    """
    return Stage(word.explanation).overlays(word, frames, opacity=opacity, colors=colors)


class Stage:
    """The pictures under the maps, prepared once for all words.

    The last frame shown of each picture and clip is cached, already dimmed and hatched where no
    vision token covers it.

    Parameters
    ----------
    explanation
        The explanation whose pictures are drawn.
    """

    def __init__(self, explanation: ExplanationData) -> None:
        self._explanation = explanation
        self._covered: dict[int, NDArray[np.bool_]] = {}
        self._shown: dict[int, tuple[int, Pixels]] = {}

    def overlays(
        self, word: Word, frames: Mapping[int, int], *, opacity: float, colors: str
    ) -> Pixels:
        """Draw the same as :func:`overlays`."""
        pictures = []
        for media, frame in frames.items():
            heat = self._explanation.picture_map(word.cells(), media, frame)
            base = self._base(media, frame)
            pictures.append(overlay(base, heat, opacity=opacity, colors=colors))
        return _side_by_side(pictures)

    def _base(self, media: int, frame: int) -> Pixels:
        if media not in self._covered:
            self._covered[media] = self._explanation.coverage(media)
        if media not in self._shown or self._shown[media][0] != frame:
            pixels = self._explanation.media[media].frames[frame]
            self._shown[media] = frame, _hatched(pixels, self._covered[media])
        return self._shown[media][1]


def shown_media(explanation: ExplanationData, media: int | None = None) -> list[int]:
    """Return the indices of the pictures and clips that have a map, or only the requested one.

    Raises
    ------
    InputError
        If the requested one has no map.
    """
    shown = sorted({grid.media for grid in explanation.grids})
    if media is None:
        return shown
    if media not in shown:
        raise InputError(
            f"picture index {media} has no map",
            where="media",
            remedy=f"give one of {', '.join(map(str, shown)) or 'none: there are no maps'}",
        )
    return [media]


def strongest_frame(word: Word, media: int) -> int:
    """Return the index of the frame of a clip where a word's map is highest."""
    if len(word.explanation.media[media].frames) == 1:
        return 0
    highest = word.peak(media)
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
    sheet = np.full((height, width, 3), PAPER, np.uint8)
    left = 0
    for picture in pictures:
        sheet[: picture.shape[0], left : left + picture.shape[1]] = picture
        left += picture.shape[1] + _GAP
    return sheet


def stack_vertically(*pictures: Pixels) -> Pixels:
    """Stack pictures vertically, each centred, uint8 [H, W, 3]."""
    width = max(picture.shape[1] for picture in pictures)
    sheet = np.full((sum(map(len, pictures)), width, 3), PAPER, np.uint8)
    top = 0
    for picture in pictures:
        left = (width - picture.shape[1]) // 2
        sheet[top : top + len(picture), left : left + picture.shape[1]] = picture
        top += len(picture)
    return sheet
