"""Growth from a map's peak, shrunk by the other words' maps."""

import numpy as np
from numpy.typing import NDArray

from tam.refine.refinement import Maps, Work


def grow_shrink(maps: Maps, work: Work) -> Maps:
    """Keep the heat that is connected to the peak, reduced where other words are hotter.

    A cell's height becomes the highest level at which it is connected to the peak (8 neighbors of
    its grid and frame): ``max over paths of min over the path``. It is multiplied by the map's
    share of the highest map there, ``M_k / max_j M_j`` over the words whose maps peak in another
    cell. Source: the idea of ESOL (Li et al. 2022, arXiv 2209.07761), expansion followed by
    shrinkage, for which it trains a network.
    """
    found = np.zeros_like(maps)
    for grid, _, columns in work.frames():
        layer = maps[:, columns]
        height, width = grid.shape[1:]
        peaks = layer.argmax(1)
        for index, row in enumerate(layer):
            grown = connected(row.reshape(height, width), int(peaks[index])).ravel()
            rivals = layer[peaks != peaks[index]].max(0, initial=0)
            highest = np.maximum(row, rivals)
            found[index, columns] = grown * row / np.where(highest > 0, highest, 1)
    return found


def connected(layer: NDArray[np.float32], peak: int) -> NDArray[np.float32]:
    """Return the highest level at which each cell is connected to the peak, float32 [h, w]."""
    height, width = layer.shape
    found = np.zeros((height + 2, width + 2), np.float32)
    bounded = np.pad(layer, 1)
    found[peak // width + 1, peak % width + 1] = layer.ravel()[peak]
    while True:
        reached = np.max(
            [np.roll(found, (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)], axis=0
        )
        grown = np.minimum(reached, bounded)
        if np.array_equal(grown, found):
            return found[1:-1, 1:-1]
        found = grown
