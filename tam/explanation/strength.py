"""The strength and the location of a word: the single definitions that every output shows.

All are computed on the map that the user sees: at the pixels of the pictures, without padding and
cropped parts, with the views of a picture merged to their mean
(:meth:`ExplanationData.picture_map`).

========  ======================================================================================
visual    the maximum of the map over all pictures, clips and frames
textual   the highest relevance of an earlier word
share     visual / (visual + textual)
focus     the smallest share of the pictures' area that holds 85 % of the map
peak      the pixel where the map is highest
mask      the pixels above Otsu's threshold, or of at least a given height
box       the rectangle around the mask
region    a word's evidence lies in a region where its map nearly reaches its maximum
========  ======================================================================================

Each is None if unknown. A map is passed as a row of N values, one for each vision cell.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tam.errors import InputError
from tam.explanation.data import ExplanationData
from tam.explanation.holding import smallest_part, smallest_share
from tam.geometry.layout import Box
from tam.geometry.otsu import above_otsu
from tam.geometry.upsample import coverage_at, node_pixels, upsample_at

__all__ = ["Peak"]

Row = NDArray[np.float32]
Pixels = NDArray[np.int64]

HELD = 0.85
"""The share of a map's sum that the area of :func:`focus` holds."""

REACHES = 0.8
FAINT = 0.1
"""A word has evidence in a region where its map reaches the share ``REACHES`` of its maximum, and
at least the height ``FAINT``."""

_SAMPLES = 2**18

# Number of maps that are upsampled at once.
_ROWS = 32


@dataclass(frozen=True)
class Peak:
    """The pixel where a word's map is highest.

    Parameters
    ----------
    media, frame
        Index of the picture or clip, and of its frame.
    x, y
        The pixel in the original picture.
    value
        The map's value there, in [0, 1].
    """

    media: int
    frame: int
    x: int
    y: int
    value: float


def is_known(row: Row) -> bool:
    """Whether a map is known: it has cells, and not all of them are NaN."""
    return not bool(np.isnan(row).all())


def visual(data: ExplanationData, row: Row) -> float | None:
    """Return the maximum of a map over all pictures, clips and frames, in [0, 1]."""
    return height(row, peak(data, row))


def height(row: Row, highest: Peak | None) -> float | None:
    """Return :func:`visual` of a map, given its peak."""
    if highest is not None:
        return highest.value
    return 0.0 if is_known(row) else None


def visuals(data: ExplanationData, rows: NDArray[np.float32]) -> list[float | None]:
    """Return :func:`visual` of several maps at once, given as float32 [R, N]."""
    highest = np.zeros(len(rows), np.float32)
    for first in range(0, len(rows), _ROWS):
        part = slice(first, first + _ROWS)
        for media in range(len(data.media)):
            for layer in _layers(data, rows[part], media):
                maxima = np.nan_to_num(layer.values).max(axis=(1, 2), initial=0)
                highest[part] = np.maximum(highest[part], maxima)
    unknown = np.isnan(rows).all(axis=1)
    return [
        None if missing else float(value)
        for value, missing in zip(highest, np.atleast_1d(unknown), strict=True)
    ]


def peak(data: ExplanationData, row: Row, media: int | None = None) -> Peak | None:
    """Find the pixel where a map is highest.

    Parameters
    ----------
    media
        Index of the picture or clip to search; None for all.

    Returns
    -------
    Peak or None
        The peak; None if the map is unknown or zero everywhere.

    Raises
    ------
    InputError
        If the picture is out of range.
    """
    best: Peak | None = None
    for index in range(len(data.media)) if media is None else (media,):
        for layer in _layers(data, row, index):
            values = np.nan_to_num(layer.values)
            if not values.size:
                continue
            y, x = divmod(int(np.argmax(values)), values.shape[1])
            value = float(values[y, x])
            if value > (best.value if best else 0):
                best = Peak(index, layer.first, int(layer.x[x]), int(layer.y[y]), value)
    return best


def over_time(data: ExplanationData, row: Row, media: int = 0) -> Row:
    """Return the maximum of a map in each frame of a clip, float32 [T]; NaN where unknown."""
    curve = np.zeros(len(data.item(media).frames), np.float32)
    for layer in _layers(data, row, media):
        known = layer.values[~np.isnan(layer.values)]
        curve[layer.first : layer.last] = known.max() if known.size else np.nan
    return curve


def earlier(
    data: ExplanationData, targets: Sequence[int]
) -> list[tuple[tuple[int, ...], float]] | None:
    """Return the words that end before some targets, each with its relevance to them.

    The relevance of one word to another is the maximum over their tokens.

    Returns
    -------
    list of tuple or None
        The targets and the relevance of each word, in reading order; None if unknown.
    """
    if data.relevance is None:
        return None
    row = data.relevance[list(targets)].max(axis=0)
    if np.isnan(row[: targets[0]]).any():
        return None
    words = data.word_targets
    if not words:
        return []
    starts = np.cumsum([0, *map(len, words[:-1])])
    highest = np.maximum.reduceat(row[list(itertools.chain(*words))], starts).tolist()
    ended = zip(words, highest, strict=True)
    return [(word, value) for word, value in ended if word[-1] < targets[0]]


def textual(data: ExplanationData, targets: Sequence[int]) -> float | None:
    """Return the highest relevance of an earlier word, in [0, 1]; 0 if there is no earlier word."""
    if data.relevance is None:
        return None
    before = data.word_ends[: targets[0]] < targets[0]
    row = data.relevance[list(targets), : targets[0]]
    return None if np.isnan(row).any() else float(row[:, before].max(initial=0))


def share(visual: float | None, textual: float | None) -> float | None:
    """Return visual / (visual + textual), in [0, 1]; None if one is unknown or both are 0."""
    if visual is None or textual is None or visual + textual <= 0:
        return None
    return visual / (visual + textual)


def focus(data: ExplanationData, row: Row) -> float | None:
    """Return the smallest share of the pictures' area that holds 85 % of a map, in (0, 1].

    All pixels of all pictures and frames that the model saw have the same weight. Above 2^18
    pixels, only every n-th row and column is used.

    Returns
    -------
    float or None
        The share; None if the map is unknown or zero everywhere.
    """
    spans = [
        (media, first, last)
        for media in sorted({grid.media for grid in data.grids})
        for first, last in _segments(data, media)
    ]
    pixels = sum(data.media[media].height * data.media[media].width for media, *_ in spans)
    step = max(1, math.ceil(math.sqrt(pixels / _SAMPLES)))
    heights, lasting = [np.zeros(0, np.float32)], []
    for media, first, last in spans:
        item = data.media[media]
        y, x = (
            np.arange(min(step // 2, side - 1), side, step) for side in (item.height, item.width)
        )
        heat = data.picture_map_at(row, media, first, y, x)
        heat[np.isnan(heat)] = 0
        heights.append(heat.ravel())
        lasting.append(float(last - first))
    heat = np.concatenate(heights)
    if len(set(lasting)) <= 1:
        return smallest_part(heat, HELD)
    counts = [len(some) for some in heights[1:]]
    return smallest_share(heat, np.repeat(lasting, counts), HELD)


def mask(
    data: ExplanationData,
    row: Row,
    media: int = 0,
    frame: int = 0,
    threshold: float | str = "otsu",
) -> NDArray[np.bool_] | None:
    """Return the pixels where a map is high.

    Parameters
    ----------
    media, frame
        Index of the picture or clip, and of its frame.
    threshold
        ``"otsu"`` for the pixels above Otsu's threshold of this picture's map (no pixels if all are
        equal), or a number in [0, 1] for the pixels of at least that height.

    Returns
    -------
    ndarray or None
        bool [H, W], False where the model saw nothing; None if the map is unknown.

    Raises
    ------
    InputError
        If the picture or frame is out of range, or the threshold is unknown.
    """
    item = data.item(media, frame)
    heat = data.picture_map(row, media, frame)
    if not is_known(row):
        return None
    if threshold == "otsu":
        return above_otsu(heat)
    if isinstance(threshold, str) or not math.isfinite(threshold):
        raise InputError(
            f"unknown threshold {threshold!r}",
            where="mask",
            remedy="give 'otsu' or a height from 0 to 1",
        )
    y, x = np.arange(item.height), np.arange(item.width)
    seen = [
        coverage_at(grid.box, y, x)
        for grid in data.grids
        if grid.media == media and grid.step_at(frame) is not None
    ]
    covered = np.logical_or.reduce([np.zeros(heat.shape, bool), *seen])
    return np.asarray((heat >= threshold) & covered)


def box(
    data: ExplanationData,
    row: Row,
    media: int = 0,
    frame: int = 0,
    threshold: float | str = "otsu",
) -> tuple[int, int, int, int] | None:
    """Return the bounding box of :func:`mask`: x0, y0, x1, y1 in pixels, x1 and y1 exclusive.

    Returns
    -------
    tuple of int or None
        The rectangle; None if the mask is empty or unknown.
    """
    high = mask(data, row, media, frame, threshold)
    return None if high is None else box_around(high)


def box_around(high: NDArray[np.bool_]) -> tuple[int, int, int, int] | None:
    """Return the bounding box of a mask, as :func:`box` does; None if the mask is empty."""
    if not high.any():
        return None
    y, x = (np.flatnonzero(high.any(axis=axis)) for axis in (1, 0))
    return int(x[0]), int(y[0]), int(x[-1]) + 1, int(y[-1]) + 1


def height_in(
    data: ExplanationData, row: Row, region: Box, media: int = 0, frame: int | None = None
) -> float:
    """Return the maximum of a map at the pixels of a region, in [0, 1].

    Parameters
    ----------
    region
        (x0, y0, x1, y1) in pixels of the picture. It contains the pixels whose centres lie in it,
        or the pixel at its middle if it is too small for any.
    media, frame
        Index of the picture or clip, and of its frame; None for all frames.
    """
    layers = [
        layer.values
        for layer in _layers(data, row, media, region)
        if frame is None or layer.first <= frame < layer.last
    ]
    return max((float(np.nan_to_num(values).max(initial=0)) for values in layers), default=0.0)


def lies_in(height: float, visual: float | None) -> bool:
    """Whether a word has evidence in a region, from its map's height there and its maximum."""
    return visual is not None and height >= max(FAINT, REACHES * visual)


@dataclass(frozen=True, eq=False)
class _Layer:
    """A map in the frames ``first <= frame < last``, which share it, at its nodes.

    The nodes include the pixel where the map is highest. They are at the crossings of the pixel
    rows y and columns x, with values float32 [..., Y, X].
    """

    first: int
    last: int
    y: Pixels
    x: Pixels
    values: NDArray[np.float32]


def _layers(
    data: ExplanationData, row: Row, media: int, region: Box | None = None
) -> Iterator[_Layer]:
    """Iterate over the distinct maps [..., N] of a picture or clip, or of a region of it."""
    item = data.item(media)
    parts = [(grid, cells) for grid, cells in data.by_grid(row) if grid.media == media]
    boxes = [(grid.box, (grid.shape[1], grid.shape[2])) for grid, _ in parts]
    y, x = node_pixels(boxes, item.height, item.width)
    if region is not None:
        y = _within(y, region[1], region[3], item.height)
        x = _within(x, region[0], region[2], item.width)
    values = [upsample_at(cells, grid.box, y, x) for grid, cells in parts]
    covered = [coverage_at(grid.box, y, x) for grid, _ in parts]
    for first, last in _segments(data, media):
        total = np.zeros((*row.shape[:-1], len(y), len(x)), np.float32)
        views = np.zeros((len(y), len(x)), np.float32)
        for (grid, _), heights, seen in zip(parts, values, covered, strict=True):
            step = grid.step_at(first)
            if step is not None:
                total += heights[..., step, :, :]
                views += seen
        merged = np.asarray(total / np.maximum(views, 1), np.float32)
        yield _Layer(first, last, y, x, merged)


def _segments(data: ExplanationData, media: int) -> list[tuple[int, int]]:
    """Split a clip's frames where temporal cells begin or end."""
    count = len(data.item(media).frames)
    spans = [grid.spans.ravel() for grid in data.grids if grid.media == media]
    if not spans:
        return []
    edges = np.unique(np.clip(np.concatenate([[0, count], *spans]), 0, count)).tolist()
    return list(itertools.pairwise(edges))


def _within(nodes: Pixels, low: float, high: float, pixels: int) -> Pixels:
    """Return the nodes of an axis inside a region, plus the region's first and last pixels."""
    first, last = math.ceil(low - 0.5), math.ceil(high - 0.5) - 1
    if last < first:
        first = last = math.floor((low + high) / 2)
    first, last = (min(max(pixel, 0), pixels - 1) for pixel in (first, last))
    inside = nodes[(nodes >= first) & (nodes <= last)]
    return np.unique(np.concatenate([inside, np.array([first, last])]))
