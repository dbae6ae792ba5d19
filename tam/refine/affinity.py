"""Spreading of heat by an affinity of cells, for the refinements by states and by attention."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects, label

from tam.refine.refinement import Maps, Work

ROUNDS = 3
"""The number of times that an affinity's rows and columns are normalised."""
HOT = 0.4
"""Boxes are drawn around the cells above this share of a map's maximum."""


def spread(maps: Maps, work: Work, affinity: Callable[[slice], NDArray[np.float64]]) -> Maps:
    """Spread heat over similar cells: ``B ⊙ (A A M)``, at the map's own height.

    A is the affinity, normalised by :func:`sinkhorn`; B is 1 in the boxes around the connected
    parts of a map that are hotter than 0.4 of its maximum, else 0.

    Parameters
    ----------
    affinity
        A function from the columns of a temporal cell of a grid to its non-negative affinity,
        float64 [n, n].
    """
    found = np.zeros_like(maps)
    for grid, _, columns in work.frames():
        mixing = sinkhorn(affinity(columns))
        layer = maps[:, columns]
        wide = layer @ mixing.T @ mixing.T
        top, now = layer.max(1, keepdims=True), wide.max(1, keepdims=True)
        inside = np.stack([boxes(row.reshape(grid.shape[1:])).ravel() for row in layer])
        found[:, columns] = wide * inside * top / np.where(now > 0, now, 1)
    return found


def sinkhorn(affinity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Make a matrix [n, n] symmetric, with rows and columns that approximately sum to 1."""
    found = affinity + 1e-9
    for _ in range(ROUNDS):
        found = found / found.sum(0, keepdims=True)
        found = found / found.sum(1, keepdims=True)
    return np.asarray((found + found.T) / 2)


def boxes(layer: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return a mask of the boxes around the hot 8-connected parts of a map, bool [h, w]."""
    marks, _ = label(layer > HOT * layer.max(), np.ones((3, 3)))
    inside = np.zeros(layer.shape, bool)
    for part in find_objects(marks):
        inside[part] = True
    return inside
