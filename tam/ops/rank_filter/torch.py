"""The rank Gaussian filter without a loop over pixels, on any device."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby

import numpy as np
import torch

# Elements that one pass works on: the k² sorted planes of a chunk then stay in the cache.
_CHUNK = 1 << 14


def rank_filter(
    maps: torch.Tensor, grids: Sequence[tuple[int, int]], kernel_size: int
) -> torch.Tensor:
    """Filter every grid of every map; see :mod:`.naive`.

    Parameters
    ----------
    maps
        [M, N] of a floating dtype, which the arithmetic runs in.
    grids
        ``(h, w)`` of each picture or frame.
    kernel_size
        k, odd.

    Returns
    -------
    [M, N] of the same dtype.
    """
    filtered = torch.empty_like(maps)
    first = 0
    for (h, w), run in groupby(grids):
        last = first + h * w * len(list(run))
        planes = maps[:, first:last].clone().reshape(-1, h, w)
        step = max(1, _CHUNK // (h * w)) if maps.device.type == "cpu" else len(planes)
        for start in range(0, len(planes), step):
            planes[start : start + step] = _filter(planes[start : start + step], kernel_size)
        filtered[:, first:last] = planes.reshape(len(maps), -1)
        first = last
    return filtered


def _filter(grids: torch.Tensor, kernel_size: int) -> torch.Tensor:
    """Filter grids [B, h, w] of one shape."""
    ranked = _sorted_windows(grids, kernel_size)
    count = len(ranked)
    middle = count // 2
    mean = ranked.mean(0)
    variance = (ranked - mean).square_().mean(0)
    safe = torch.where(mean > 0, mean, 1)
    # exp(-r² / (2 cv²)) = exp(-(r / cv)² / 2); a constant window has cv = 0 and r / cv = ∞.
    steepness = safe / variance.sqrt()
    total = torch.ones_like(mean)
    result = ranked[middle].clone()
    for rank in range(1, middle + 1):
        weight = (steepness * rank).square_().mul_(-0.5).exp_()
        result += weight * (ranked[middle - rank] + ranked[middle + rank])
        total += 2 * weight
    return torch.where(mean > 0, result / total, 0)


def _sorted_windows(grids: torch.Tensor, kernel_size: int) -> torch.Tensor:
    """Sort each reflect-padded k × k window: [B, h, w] to [k², B, h, w]."""
    _, h, w = grids.shape
    rows = _reflected(h, kernel_size).to(grids.device)
    columns = _reflected(w, kernel_size).to(grids.device)
    padded = grids.index_select(1, rows).index_select(2, columns)
    planes = [
        padded[:, i : i + h, j : j + w] for i in range(kernel_size) for j in range(kernel_size)
    ]
    for a, b in sorting_network(len(planes)):
        planes[a], planes[b] = (
            torch.minimum(planes[a], planes[b]),
            torch.maximum(planes[a], planes[b]),
        )
    return torch.stack(planes)


@lru_cache(maxsize=256)
def _reflected(length: int, kernel_size: int) -> torch.Tensor:
    """Reflect-pad one axis by index; NumPy also knows what an axis of length 1 means."""
    return torch.from_numpy(np.pad(np.arange(length), kernel_size // 2, mode="reflect"))


@lru_cache(maxsize=16)
def sorting_network(count: int) -> tuple[tuple[int, int], ...]:
    """Pairs (a, b) with a < b whose compare-exchanges in order sort ``count`` values.

    Batcher's merge exchange (Knuth, The Art of Computer Programming 3, section 5.2.2,
    algorithm M), which works for any count.

    Examples
    --------
    >>> sorting_network(3)
    ((0, 2), (0, 1), (1, 2))
    """
    pairs: list[tuple[int, int]] = []
    top = 1 << max(0, (count - 1).bit_length() - 1)
    p = top if count > 1 else 0
    while p > 0:
        q, r, d = top, 0, p
        while True:
            pairs += [(i, i + d) for i in range(count - d) if i & p == r]
            if q == p:
                break
            d, q, r = q - p, q // 2, p
        p //= 2
    return tuple(pairs)
