"""The rank Gaussian filter without a loop over pixels, on any device."""

import math
import threading
from collections.abc import Sequence
from copy import copy
from functools import lru_cache, partial
from itertools import groupby
from typing import Any

import numpy as np
import torch

from tam.engine.ops.blocks import CACHED, on_threads, row_blocks
from tam.engine.ops.rank_filter.network import RANK_THREE_SORTED, sorting_network

# Grey levels of a drawn map. A map that is scaled to [0, 1] is filtered in float32; a cell whose
# value lies this close to the edge of a level is filtered in float64, too, so that rounding errors
# of float32, which are below 1e-6, do not change its level.
_LEVELS, _NEAR = 255, 2e-6


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
        [M, N] of a floating dtype, in which everything is computed; but see ``out``.
    grids
        ``(h, w)`` of each picture or frame.
    kernel_size
        k, odd.
    origin, span
        Both [M] of the same dtype, or both None.
    out
        [M, N] of a floating dtype, or None. On a CPU, scaled float64 maps are filtered to float32
        in float32, except for cells at the edge of a grey level ``floor(255 * value)``.

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
    scaled = origin is not None and span is not None
    rounded = scaled and (source.dtype, target.dtype) == (torch.float64, torch.float32)
    rounded = rounded and device.type == "cpu"
    dtype = torch.float32 if rounded else source.dtype
    near: list[torch.Tensor] = []

    def work(rows: slice) -> None:
        for some in row_blocks(grids, h * w, device, CACHED):
            block = source[rows, some]
            planes = _planes(block, kernel_size, dtype)
            if origin is not None and span is not None:
                wide = planes.wide.view(block.shape)
                block = torch.sub(block, origin[rows][at], out=wide).div_(span[rows][at])
            filtered = _filter(planes, block)
            if scaled:
                filtered.clamp_(0, 1)
            if rounded:
                first = torch.tensor([rows.start, some.start, 0, 0])
                near.append(_near_an_edge(filtered, *planes.values[-2:]) + first)
            target[rows, some] = filtered

    try:
        on_threads(work, row_blocks(count, grids * h * w, device, CACHED), device)
    finally:
        # Small ones stay with their thread, for the next call.
        if device.type != "cpu" or h * w > CACHED:
            _kept.planes = None
    if near and origin is not None and span is not None:
        _correct(target, source, torch.cat(near), kernel_size, origin, span)


_kept = threading.local()


def _planes(block: torch.Tensor, kernel_size: int, dtype: torch.dtype) -> "_Planes":
    """Return the planes for a block, those of the block before where they are large enough.

    Memory that is given back and asked for again costs as much as the arithmetic does.
    """
    count = len(block) * block.shape[1]
    kind = (*block.shape[2:], kernel_size, dtype, block.dtype, block.device)
    planes: _Planes | None = getattr(_kept, "planes", None)
    if planes is None or planes.kind != kind or len(planes.padded) < count:
        _kept.planes = None
        # Outside of the inference mode, so that a later call may write to them in any mode.
        with torch.inference_mode(False):
            planes = _Planes(block, kernel_size, dtype, kind)
        _kept.planes = planes
    return planes.first(count)


class _Planes:
    """The arrays that one thread works in, block after block.

    Parameters
    ----------
    block
        [m, g, h, w]: as many grids as a block has at the most, on the device.
    kernel_size
        k, odd.
    dtype
        The floating dtype in which windows are sorted and averaged.
    kind
        What another block must have in common to be worked on in them.
    """

    def __init__(
        self, block: torch.Tensor, kernel_size: int, dtype: torch.dtype, kind: tuple[Any, ...]
    ) -> None:
        m, g, h, w = block.shape
        new = partial(torch.empty, dtype=dtype, device=block.device)
        self.kind = kind
        self.size = kernel_size
        # The block itself, scaled.
        self.wide = block.new_empty(m * g, h, w)
        self.padded = new(m * g, h + kernel_size - 1, w + kernel_size - 1)
        # The columns of a window of three are sorted before the window is: an array beside them is
        # needed to exchange two.
        self.columns = [new(m * g, h, w + 2) for _ in range(4 * (kernel_size == 3))]
        # One for each value of a window, one to exchange two, and two sums.
        self.values = [new(m * g, h, w) for _ in range(kernel_size**2 + 3)]

    @property
    def inside(self) -> torch.Tensor:
        """[B, h, w]: the padded grids without their padding; to be written to."""
        reach = self.size // 2
        _, h, w = self.padded.shape
        return self.padded[:, reach : h - reach, reach : w - reach]

    def first(self, count: int) -> "_Planes":
        """The same for fewer grids."""
        if count == len(self.padded):
            return self
        fewer = copy(self)
        fewer.wide = self.wide[:count]
        fewer.padded = self.padded[:count]
        fewer.columns = [plane[:count] for plane in self.columns]
        fewer.values = [plane[:count] for plane in self.values]
        return fewer


def _filter(planes: _Planes, block: torch.Tensor) -> torch.Tensor:
    """Filter grids [m, g, h, w]; the result is one of the planes."""
    planes.inside.view(block.shape).copy_(block)
    values, spare = _sorted_windows(planes)
    return _weighted_means(values, spare, *planes.values[-2:]).view(block.shape)


def _near_an_edge(
    filtered: torch.Tensor, levels: torch.Tensor, nearest: torch.Tensor
) -> torch.Tensor:
    """Return the indices [n, 4] of the values that lie at the edge of a grey level.

    Values from 0 to the first edge have one level. ``levels`` and ``nearest`` are overwritten.
    """
    torch.mul(filtered.view(levels.shape), _LEVELS, out=levels).clamp_(min=0.5)
    torch.round(levels, out=nearest)  # 0.5 to 0, which is far from it
    near = levels.sub_(nearest).abs_() < _LEVELS * _NEAR
    return near.view(filtered.shape).nonzero()


def _correct(
    target: torch.Tensor,
    source: torch.Tensor,
    cells: torch.Tensor,
    kernel_size: int,
    origin: torch.Tensor,
    span: torch.Tensor,
) -> None:
    """Filter some cells again, given by their indices [n, 4], in the dtype of the source."""
    if not len(cells):
        return
    h, w = source.shape[2:]
    target_index, grid, row, column = cells.T
    window = torch.arange(kernel_size)
    rows = torch.tensor(_reflected(h, kernel_size))[row[:, None] + window]
    columns = torch.tensor(_reflected(w, kernel_size))[column[:, None] + window]
    at = (slice(None), None, None)
    windows = source[target_index[at], grid[at], rows[:, :, None], columns[:, None, :]]
    windows = windows.sub_(origin[target_index][at]).div_(span[target_index][at])
    ordered = windows.flatten(1).T.sort(0).values
    means = _weighted_means(list(ordered), *ordered.new_empty(3, len(cells)))
    target[target_index, grid, row, column] = means.clamp_(0, 1).to(target.dtype)


def _weighted_means(
    values: list[torch.Tensor], spare: torch.Tensor, total: torch.Tensor, squares: torch.Tensor
) -> torch.Tensor:
    """Return the means of sorted windows, weighted by rank; all arguments are overwritten.

    Parameters
    ----------
    values
        k² tensors of one shape, in ascending order.
    spare, total, squares
        Three more of this shape, whose values do not matter.
    """
    count = len(values)
    middle = count // 2
    result = values[middle]
    total.copy_(result)
    torch.mul(result, result, out=squares)
    lows, pairs = values[:middle][::-1], values[middle + 1 :]
    for low, high in zip(lows, pairs, strict=True):
        squares.addcmul_(low, low).addcmul_(high, high)
        high.add_(low)
        total.add_(high)
    if not pairs:
        return result.masked_fill_(total <= 0, 0)
    # cv² = k² Σx² / (Σx)² - 1. Its rounding error is some units in the last place of 1; for a cv²
    # so small that this matters, all weights except the median's are 0 anyway. The low values are
    # not needed any more.
    power, weight, factor, step = spare, *lows[:3]
    torch.mul(total, total, out=power).clamp_(min=torch.finfo(power.dtype).tiny)
    variation = squares.mul_(count).div_(power).sub_(1).clamp_(min=0)
    # The weight of rank r is base^(r²), and r² is the sum of the first r odd numbers. exp2 stays on
    # the calling thread, while exp may wait for other threads.
    base = variation.reciprocal_().mul_(-0.5 * math.log2(math.e)).exp2_()
    weight.copy_(base)
    factor.copy_(base)
    torch.mul(base, base, out=step)
    norm = power.copy_(base)
    result.addcmul_(weight, pairs[0])
    for pair in pairs[1:]:
        factor.mul_(step)
        weight.mul_(factor)
        norm.add_(weight)
        result.addcmul_(weight, pair)
    result.div_(norm.mul_(2).add_(1))
    # The total is above 0 nearly everywhere; elsewhere than on a CPU looking first means waiting.
    if total.device.type == "cpu" and total.min() > 0:
        return result
    return result.masked_fill_(total <= 0, 0)


def _sorted_windows(planes: _Planes) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Sort each reflect-padded k × k window.

    Returns
    -------
    k² planes [B, h, w] in ascending order, and another one whose values do not matter.
    """
    size, padded = planes.size, planes.padded
    *values, spare, _, _ = planes.values
    _, h, w = spare.shape
    _reflect(padded, 1, h, size)
    _reflect(padded, 2, w, size)
    if size == 3:
        # Three windows share each column of three values, so every column is sorted only once.
        low, middle, high, other = planes.columns
        above, at, below = (padded[:, i : i + h] for i in range(3))
        torch.minimum(above, at, out=low)
        torch.maximum(above, at, out=middle)
        torch.maximum(middle, below, out=high)
        torch.minimum(middle, below, out=other)
        torch.maximum(low, other, out=middle)
        torch.minimum(low, other, out=low)
        for i, column in enumerate((low, middle, high)):
            for j in range(3):
                values[3 * i + j].copy_(column[:, :, j : j + w])
        return _exchanged(values, spare, RANK_THREE_SORTED)
    for i in range(size):
        for j in range(size):
            values[size * i + j].copy_(padded[:, i : i + h, j : j + w])
    return _exchanged(values, spare, sorting_network(len(values)))


def _exchanged(
    planes: list[torch.Tensor], spare: torch.Tensor, pairs: tuple[tuple[int, int], ...]
) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Compare and exchange planes; one of them and the spare one change places each time."""
    planes = list(planes)
    for a, b in pairs:
        torch.minimum(planes[a], planes[b], out=spare)
        torch.maximum(planes[a], planes[b], out=planes[b])
        planes[a], spare = spare, planes[a]
    return planes, spare


def _reflect(padded: torch.Tensor, axis: int, length: int, kernel_size: int) -> None:
    """Fill the padding of one axis."""
    reach = kernel_size // 2
    index = _reflected(length, kernel_size)
    for place in (*range(reach), *range(reach + length, length + 2 * reach)):
        padded.select(axis, place).copy_(padded.select(axis, reach + index[place]))


@lru_cache(maxsize=256)
def _reflected(length: int, kernel_size: int) -> tuple[int, ...]:
    """Return indices that reflect-pad one axis. Unlike torch, NumPy accepts an axis of length 1."""
    padded: list[int] = np.pad(np.arange(length), kernel_size // 2, mode="reflect").tolist()
    return tuple(padded)
