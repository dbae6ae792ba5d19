"""Color affinity of dilated neighbors (pixel-adaptive refinement)."""

import numpy as np
from numpy.typing import NDArray

from tam.geometry.cell_colors import cell_colors
from tam.refine.refinement import Maps, Work

DILATIONS = (1, 2, 4)
ITERATIONS = 10
_COLOR, _PLACE, _SHARE = 0.3, 0.3, 0.01


def color_affinity(maps: Maps, work: Work) -> Maps:
    """Average each cell over its neighbors, weighted by the similarity of their colors.

    ``M ← Σ_j κ_ij M_j``, ten times, over the eight neighbors j of cell i at each of the distances
    1, 2 and 4, with ``κ_ij = softmax_j(-(|c_i - c_j| / (0.3 σc_i))²) + 0.01
    softmax_j(-(|p_i - p_j| / (0.3 σp_i))²)``, normalised; c is a cell's mean color, p its place,
    and σ their standard deviations over the neighbors. Source: PAR of ToCo (Ru et al. 2023, arXiv
    2303.01267), which works on pixels with six distances up to 24; a grid of cells is smaller. A
    neighbor beyond the edge is replaced by the nearest cell at the edge.
    """
    found = maps.copy()
    for grid, step, columns in work.frames():
        colors = cell_colors(grid, work.trace.media[grid.media], step)
        height, width = colors.shape[:2]
        index = neighbors(height, width)
        kernel = affinities(colors, index)
        layer = found[:, columns]
        for _ in range(ITERATIONS):
            layer = np.einsum("jn,tjn->tn", kernel, layer[:, index])
        found[:, columns] = layer
    return found


def neighbors(height: int, width: int) -> NDArray[np.int64]:
    """Return the indices of the dilated neighbors of each cell of a grid, int64 [24, N]."""
    rows, columns = np.mgrid[:height, :width]
    found = [
        np.clip(rows + down * reach, 0, height - 1) * width
        + np.clip(columns + right * reach, 0, width - 1)
        for reach in DILATIONS
        for down in (-1, 0, 1)
        for right in (-1, 0, 1)
        if down or right
    ]
    return np.stack(found).reshape(len(found), -1)


def affinities(colors: NDArray[np.float64], index: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return each neighbor's weight for each cell, float64 [24, N]; each column sums to 1."""
    height, width = colors.shape[:2]
    places = np.indices((height, width), np.float64).reshape(2, -1).T
    by_color = _softmax(colors.reshape(-1, colors.shape[-1]), index, _COLOR)
    by_place = _softmax(places, index, _PLACE)
    return np.asarray((by_color + _SHARE * by_place) / (1 + _SHARE))


def _softmax(
    values: NDArray[np.float64], index: NDArray[np.int64], width: float
) -> NDArray[np.float64]:
    near = values[index]  # [24, N, C]
    spread = near.std(axis=0).mean(-1)
    apart = np.abs(near - values).mean(-1)
    scores = -((apart / (width * spread + 1e-8)) ** 2)
    weights = np.exp(scores - scores.max(0))
    return np.asarray(weights / weights.sum(0))
