"""The pixels of vision cells, and their colors."""

import numpy as np
from numpy.typing import NDArray

from tam.geometry.layout import VisionGrid
from tam.media.media import Media

# Further from every color than two colors can be apart, so that cells outside the picture never
# count as similar to cells inside.
_OUTSIDE = 10.0


def cell_colors(grid: VisionGrid, media: Media, step: int) -> NDArray[np.float64]:
    """Return the mean color of each cell in one temporal cell's frames, float64 [h, w, 3]."""
    frames = media.frames[slice(*grid.spans[step])]
    boxes = grid.boxes.reshape(*grid.shape[1:], 4)
    columns = [pixels_of(box, media)[1] for box in boxes[0]]
    first, last = (np.array([getattr(c, side) for c in columns]) for side in ("start", "stop"))
    colors = np.full((*grid.shape[1:], 3), _OUTSIDE)
    for row, box in zip(colors, boxes[:, 0], strict=True):
        lines, _ = pixels_of(box, media)
        # The sum over a cell is the difference of two cumulative sums along the row.
        ends = np.cumsum(frames[:, lines].sum(axis=(0, 1), dtype=np.float64), axis=0)
        ends = np.concatenate([np.zeros((1, 3)), ends])
        count = len(frames) * (lines.stop - lines.start) * (last - first)
        shown = count > 0
        row[shown] = (ends[last] - ends[first])[shown] / (255 * count[shown, None])
    return colors


def pixels_of(box: NDArray[np.float64], media: Media) -> tuple[slice, slice]:
    """Return the rows and columns of the pixels that a box touches; empty outside the picture."""
    left, top, right, bottom = box
    return (
        slice(*np.clip([np.floor(top), np.ceil(bottom)], 0, media.height).astype(int)),
        slice(*np.clip([np.floor(left), np.ceil(right)], 0, media.width).astype(int)),
    )
