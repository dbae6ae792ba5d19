"""The rank Gaussian filter without a loop over pixels, on any device."""

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby

import numpy as np
import torch

from tam.engine.ops.blocks import on_threads, row_blocks
from tam.engine.ops.rank_filter.network import RANK_THREE_SORTED, THREE, sorting_network


def rank_filter(
    maps: torch.Tensor,
    grids: Sequence[tuple[int, int]],
    kernel_size: int,
    origin: torch.Tensor | None = None,
    span: torch.Tensor | None = None,
    out: torch.Tensor | None = None,
) -> torch.Tensor:
    """Filter every grid of every map, after scaling it if a scale is given; see :mod:`.naive`.

    Parameters
    ----------
    maps
        [M, N] of a floating dtype, in which everything is computed.
    grids
        ``(h, w)`` of each picture or frame.
    kernel_size
        k, odd.
    origin, span
        Both [M] of the same dtype, or both None.
    out
        [M, N] of a floating dtype, or None.

    Returns
    -------
    [M, N] of the same dtype, or ``out``.
    """
    filtered = torch.empty_like(maps) if out is None else out
    first = 0
    for (h, w), run in groupby(grids):
        shape = (len(list(run)), h, w)
        last = first + math.prod(shape)
        source, target = (m[:, first:last].unflatten(1, shape) for m in (maps, filtered))
        _filter_run(source, target, kernel_size, origin, span)
        first = last
    return filtered


def _filter_run(
    source: torch.Tensor,
    target: torch.Tensor,
    kernel_size: int,
    origin: torch.Tensor | None,
    span: torch.Tensor | None,
) -> None:
    """Filter [M, G, h, w], a run of G grids of the same shape, into a target of that shape."""
    device, (count, grids, h, w) = source.device, source.shape
    at = (slice(None), None, None, None)

    def work(rows: slice) -> None:
        for some in row_blocks(grids, h * w, device):
            block = source[rows, some]
            if origin is not None and span is not None:
                block = (block - origin[rows][at]) / span[rows][at]
            result = _filter(block.flatten(0, 1), kernel_size)
            if origin is not None:
                result.clamp_(0, 1)
            target[rows, some] = result.view(block.shape)

    on_threads(work, row_blocks(count, grids * h * w, device), device)


def _filter(grids: torch.Tensor, kernel_size: int) -> torch.Tensor:
    """Filter grids [B, h, w] of one shape."""
    planes = _sorted_windows(grids, kernel_size)
    count = len(planes)
    middle = count // 2
    total, squares = planes[middle].clone(), planes[middle].square()
    pairs = []
    for low, high in zip(reversed(planes[:middle]), planes[middle + 1 :], strict=True):
        squares.addcmul_(low, low).addcmul_(high, high)
        pairs.append(high.add_(low))
        total.add_(high)
    # cv² = k² Σx² / (Σx)² - 1. Its rounding error is about 1e-15; for a cv² so small that this
    # matters, all weights except the median's are 0 anyway.
    power = (total * total).clamp_(min=torch.finfo(grids.dtype).tiny)
    variation = squares.mul_(count).div_(power).sub_(1).clamp_(min=0)
    # The weight of rank r is base^(r²), and r² is the sum of the first r odd numbers. exp2 stays on
    # the calling thread, while exp may wait for other threads.
    base = variation.reciprocal_().mul_(-0.5 * math.log2(math.e)).exp2_()
    weight, factor, step = torch.ones_like(base), base.clone(), base * base
    norm, result = torch.zeros_like(base), planes[middle].clone()
    for pair in pairs:
        weight.mul_(factor)
        factor.mul_(step)
        norm.add_(weight)
        result.addcmul_(weight, pair)
    result.div_(norm.mul_(2).add_(1))
    return torch.where(total > 0, result, 0)


def _sorted_windows(grids: torch.Tensor, kernel_size: int) -> list[torch.Tensor]:
    """Sort each reflect-padded k × k window: k² planes [B, h, w], from smallest to largest."""
    _, h, w = grids.shape
    rows = _reflected(h, kernel_size).to(grids.device)
    columns = _reflected(w, kernel_size).to(grids.device)
    padded = grids.index_select(1, rows).index_select(2, columns)
    if kernel_size == 3:
        # Three windows share each column of three values, so every column is sorted only once.
        columns_sorted = [padded[:, i : i + h].clone() for i in range(3)]
        _exchange(columns_sorted, THREE)
        planes = [plane[:, :, j : j + w].clone() for plane in columns_sorted for j in range(3)]
        _exchange(planes, RANK_THREE_SORTED)
        return planes
    planes = [
        padded[:, i : i + h, j : j + w].clone()
        for i in range(kernel_size)
        for j in range(kernel_size)
    ]
    _exchange(planes, sorting_network(len(planes)))
    return planes


def _exchange(planes: list[torch.Tensor], pairs: tuple[tuple[int, int], ...]) -> None:
    """Apply compare-exchanges to planes, in place."""
    spare = torch.empty_like(planes[0])
    for a, b in pairs:
        torch.minimum(planes[a], planes[b], out=spare)
        torch.maximum(planes[a], planes[b], out=planes[b])
        planes[a], spare = spare, planes[a]


@lru_cache(maxsize=256)
def _reflected(length: int, kernel_size: int) -> torch.Tensor:
    """Return indices that reflect-pad one axis. Unlike torch, NumPy accepts an axis of length 1."""
    return torch.from_numpy(np.pad(np.arange(length), kernel_size // 2, mode="reflect"))
