"""From the cells of a grid to the pixels of a picture."""

import numpy as np
from numpy.typing import NDArray

from tam.geometry.layout import Box


def upsample(cells: NDArray[np.float32], box: Box, height: int, width: int) -> NDArray[np.float32]:
    """Bring a grid of cells to pixels, bilinear between cell centres and flat at the borders.

    For a box that is the whole picture this is OpenCV's default resize.

    Parameters
    ----------
    cells
        float32 [h, w]: one value for each cell.
    box
        The region that the cells divide evenly, in pixels of the picture.
    height, width
        Size of the picture in pixels.

    Returns
    -------
    float32 [height, width]; zero at pixels whose centre lies outside the box.
    """
    rows = _weights(cells.shape[0], box[1], box[3], height)
    columns = _weights(cells.shape[1], box[0], box[2], width)
    return rows @ cells.astype(np.float32) @ columns.T


def coverage(box: Box, height: int, width: int) -> NDArray[np.bool_]:
    """Which pixels have their centre inside the box, bool [height, width]."""
    return np.outer(_inside(box[1], box[3], height), _inside(box[0], box[2], width))


def _inside(low: float, high: float, pixels: int) -> NDArray[np.bool_]:
    centres = np.arange(pixels) + 0.5
    # A crop can end within rounding of a pixel's centre; the tolerance keeps that pixel.
    inside: NDArray[np.bool_] = (centres >= low - 1e-6) & (centres <= high + 1e-6)
    return inside


def _weights(cells: int, low: float, high: float, pixels: int) -> NDArray[np.float32]:
    """float32 [pixels, cells]: the linear weight of each cell at each pixel of one axis."""
    place = (np.arange(pixels) + 0.5 - low) / (high - low) * cells - 0.5
    place = np.clip(place, 0, cells - 1)
    left = np.minimum(place.astype(np.int64), cells - 1)
    right = np.minimum(left + 1, cells - 1)
    share = (place - left).astype(np.float32)
    weights = np.zeros((pixels, cells), np.float32)
    index = np.arange(pixels)
    np.add.at(weights, (index, left), 1 - share)
    np.add.at(weights, (index, right), share)
    weights[~_inside(low, high, pixels)] = 0
    return weights
