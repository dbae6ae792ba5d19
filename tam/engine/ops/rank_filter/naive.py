"""The rank Gaussian filter: its definition, in NumPy."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def rank_filter(
    maps: NDArray[np.float64],
    grids: Sequence[tuple[int, int]],
    kernel_size: int,
    origin: NDArray[np.float64] | None = None,
    span: NDArray[np.float64] | None = None,
    out: NDArray[np.floating] | None = None,
) -> NDArray[np.floating]:
    """Filter every grid of every map, after scaling it if a scale is given.

    In each reflect-padded k × k window (NumPy's ``reflect``, SciPy's ``mirror``) the values are
    sorted; with μ their mean and cv their population standard deviation over μ, the output is their
    mean under the weights ``exp(-r² / (2 cv²))`` over the ranks ``r = -(k² // 2) … k² // 2``
    (arXiv 2506.23270, rank Gaussian filter). The output is 0 where μ ≤ 0, and the median where
    cv = 0, which is the limit for cv → 0.

    Parameters
    ----------
    maps
        Float [M, N]: one map per row, its grids one after another, each row-major.
    grids
        ``(h, w)`` of each picture or frame, with ``sum(h * w) == N``.
    kernel_size
        k, odd.
    origin, span
        Both Float [M], or both None: map m is filtered as ``(maps[m] - origin[m]) / span[m]``,
        which must lie in [0, 1]; the result is then clipped to [0, 1].
    out
        Float [M, N], not overlapping the maps: the array for the result. None allocates one.

    Returns
    -------
    Float64 [M, N], or ``out``.
    """
    if origin is not None and span is not None:
        maps = (maps - origin[:, None]) / span[:, None]
    filtered = np.zeros(maps.shape)
    for m in range(len(maps)):
        first = 0
        for h, w in grids:
            grid = maps[m, first : first + h * w].astype(np.float64).reshape(h, w)
            padded = np.pad(grid, kernel_size // 2, mode="reflect")
            for i in range(h):
                for j in range(w):
                    window = padded[i : i + kernel_size, j : j + kernel_size]
                    filtered[m, first + i * w + j] = rank_mean(window)
            first += h * w
    if origin is not None:
        filtered = filtered.clip(0, 1)
    if out is None:
        return filtered
    out[:] = filtered
    return out


def rank_mean(window: NDArray[np.float64]) -> float:
    """Return the filter's output for one window of any shape with an odd number of values."""
    values = np.sort(window.ravel())
    mean = values.mean()
    if mean <= 0:
        return 0.0
    variation = values.std() / mean
    ranks = np.arange(len(values)) - len(values) // 2
    if variation == 0:
        weights = (ranks == 0).astype(np.float64)
    else:
        # Divide before squaring: the square of the variation may underflow to 0.
        weights = np.exp(-0.5 * (ranks / variation) ** 2)
    return float(np.sum(values * weights) / np.sum(weights))
