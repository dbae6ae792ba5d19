"""The pixels of vision cells, and their colors."""

import numpy as np
from numpy.typing import NDArray

from tam.geometry.layout import VisionGrid
from tam.media.media import Media

# Farther apart than any two colors, so that nothing outside a picture mixes with it.
_OUTSIDE = 10.0


def cell_colors(grid: VisionGrid, media: Media, step: int) -> NDArray[np.float64]:
    """Float [h, w, 3]: the mean color of each cell in the frames of one temporal cell."""
    frames = media.frames[slice(*grid.spans[step])]
    boxes = grid.boxes.reshape(*grid.shape[1:], 4)
    columns = [pixels_of(box, media)[1] for box in boxes[0]]
    first, last = (np.array([getattr(c, side) for c in columns]) for side in ("start", "stop"))
    colors = np.full((*grid.shape[1:], 3), _OUTSIDE)
    for row, box in zip(colors, boxes[:, 0], strict=True):
        lines, _ = pixels_of(box, media)
        # Cumulative sums along the row; a cell's sum is the difference of two of them.
        ends = np.cumsum(frames[:, lines].sum(axis=(0, 1), dtype=np.float64), axis=0)
        ends = np.concatenate([np.zeros((1, 3)), ends])
        count = len(frames) * (lines.stop - lines.start) * (last - first)
        shown = count > 0
        row[shown] = (ends[last] - ends[first])[shown] / (255 * count[shown, None])
    return colors


def pixels_of(box: NDArray[np.float64], media: Media) -> tuple[slice, slice]:
    """Rows and columns of the pixels that a box touches; empty outside the picture."""
    left, top, right, bottom = box
    return (
        slice(*np.clip([np.floor(top), np.ceil(bottom)], 0, media.height).astype(int)),
        slice(*np.clip([np.floor(left), np.ceil(right)], 0, media.width).astype(int)),
    )
