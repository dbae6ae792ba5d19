"""Upsampling the cells of a grid to the pixels of a picture."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tam.geometry.layout import Box

Pixels = NDArray[np.int64]
"""Indices of pixels along one axis."""


def upsample(cells: NDArray[np.float32], box: Box, height: int, width: int) -> NDArray[np.float32]:
    """Upsample a grid of cells to pixels, bilinear between cell centres and flat at the borders.

    If the box is the whole picture, this is OpenCV's default (bilinear) resize.

    Parameters
    ----------
    cells
        float32 [h, w]: one value for each cell, NaN where unknown.
    box
        The region that the cells divide evenly, in pixels of the picture.
    height, width
        Size of the picture in pixels.

    Returns
    -------
    ndarray
        float32 [height, width]; zero at pixels whose centre lies outside the box, NaN where an
        unknown cell has a weight.
    """
    return upsample_at(cells, box, np.arange(height), np.arange(width))


def upsample_at(cells: NDArray[np.float32], box: Box, y: Pixels, x: Pixels) -> NDArray[np.float32]:
    """Return :func:`upsample` only at the crossings of some pixel rows and columns.

    Parameters
    ----------
    cells
        float32 [..., h, w], NaN where unknown.
    y, x
        int64 [Y] and [X]: indices of pixel rows and columns.

    Returns
    -------
    ndarray
        float32 [..., Y, X].
    """
    rows = _weights(cells.shape[-2], box[1], box[3], y)
    columns = _weights(cells.shape[-1], box[0], box[2], x).T
    unknown = np.isnan(cells)
    values = _product(rows, np.where(unknown, 0, cells).astype(np.float32), columns)
    if unknown.any():
        values[_product(rows, unknown.astype(np.float32), columns) > 0] = np.nan
    return values


def coverage(box: Box, height: int, width: int) -> NDArray[np.bool_]:
    """Return whether each pixel's centre lies inside the box, bool [height, width]."""
    return coverage_at(box, np.arange(height), np.arange(width))


def coverage_at(box: Box, y: Pixels, x: Pixels) -> NDArray[np.bool_]:
    """Return :func:`coverage` only at the crossings of some pixel rows and columns, bool [Y, X]."""
    return np.outer(_inside(box[1], box[3], y), _inside(box[0], box[2], x))


def node_pixels(
    grids: Sequence[tuple[Box, tuple[int, int]]], height: int, width: int
) -> tuple[Pixels, Pixels]:
    """Return pixel rows and columns whose crossings include the maximum of a mean of grids.

    The lines through cell centres and along the edges of the boxes divide the picture into
    rectangles. In each of them the same grids cover every pixel and each grid is bilinear, so their
    mean is bilinear too and is highest at a corner. The corners are the first and last pixels
    between neighbouring lines.

    Parameters
    ----------
    grids
        Box and (rows, columns) of each grid.
    height, width
        Size of the picture in pixels.

    Returns
    -------
    tuple of ndarray
        int64 [Y] and [X]: sorted, unique indices; read-only.
    """
    return _kept_nodes(tuple(grids), height, width)


@lru_cache(maxsize=32)
def _kept_nodes(
    grids: tuple[tuple[Box, tuple[int, int]], ...], height: int, width: int
) -> tuple[Pixels, Pixels]:
    boxes = [box for box, _ in grids]
    y = [_beside_lines(box[1], box[3], shape[0]) for box, shape in grids]
    x = [_beside_lines(box[0], box[2], shape[1]) for box, shape in grids]
    edges_y = [edge for box in boxes for edge in (box[1], box[3])]
    edges_x = [edge for box in boxes for edge in (box[0], box[2])]
    nodes = _corners(y, edges_y, height), _corners(x, edges_x, width)
    for axis in nodes:
        axis.flags.writeable = False
    return nodes


def _beside_lines(low: float, high: float, cells: int) -> Pixels:
    """Return the pixels just before and just after each line through cell centres."""
    centres = low + (np.arange(cells) + 0.5) * (high - low) / cells
    before = np.floor(centres - 0.5).astype(np.int64)
    return np.concatenate([before, before + 1])


def _corners(beside: Sequence[Pixels], edges: Sequence[float], pixels: int) -> Pixels:
    """Merge the pixels beside lines with those at edges and at the picture's borders."""
    # A box includes pixels within a tolerance of its edge, so its edge may be a pixel further out.
    around = np.floor(np.asarray(edges)[:, None] - 0.5).astype(np.int64) + np.arange(-1, 3)
    every = np.unique(np.concatenate([*beside, around.ravel(), [0, pixels - 1]]))
    return every[(every >= 0) & (every < pixels)]


def _inside(low: float, high: float, pixels: Pixels) -> NDArray[np.bool_]:
    centres = pixels + 0.5
    # A crop can end within rounding of a pixel's centre; the tolerance keeps that pixel.
    inside: NDArray[np.bool_] = (centres >= low - 1e-6) & (centres <= high + 1e-6)
    return inside


def _product(
    rows: NDArray[np.float32], cells: NDArray[np.float32], columns: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Multiply the three matrices in the cheaper order."""
    if cells.shape[-2] <= cells.shape[-1]:
        return np.asarray(rows @ (cells @ columns), np.float32)
    return np.asarray((rows @ cells) @ columns, np.float32)


def _weights(cells: int, low: float, high: float, pixels: Pixels) -> NDArray[np.float32]:
    """Return the linear weights of the cells at some pixels of an axis, float32 [P, cells]."""
    return _kept_weights(cells, float(low), float(high), pixels.astype(np.int64).tobytes())


# Cached, because all words of a reply need the same few weights. The arrays are read-only.
@lru_cache(maxsize=32)
def _kept_weights(cells: int, low: float, high: float, kept: bytes) -> NDArray[np.float32]:
    pixels = np.frombuffer(kept, np.int64)
    position = (pixels + 0.5 - low) / (high - low) * cells - 0.5
    position = np.clip(position, 0, cells - 1)
    left = np.minimum(position.astype(np.int64), cells - 1)
    right = np.minimum(left + 1, cells - 1)
    share = (position - left).astype(np.float32)
    weights = np.zeros((len(pixels), cells), np.float32)
    index = np.arange(len(pixels))
    np.add.at(weights, (index, left), 1 - share)
    np.add.at(weights, (index, right), share)
    weights[~_inside(low, high, pixels)] = 0
    weights.flags.writeable = False
    return weights
