"""The rank Gaussian filter on CUDA, which sorts each window in registers.

Windows of 3 × 3 and 5 × 5 are sorted by a network in which every step is one minimum and one
maximum. A thread filters several vertically adjacent windows and reads the values that they share
only once; for 3 × 3 it also sorts each row of three only once. The values of a larger window do not
fit into a thread's registers; such windows are filtered by torch operations instead.

The kernel is limited by the pipe that computes minima, maxima, comparisons and integer sums, so
reflected indices are computed only at the edges of a grid, and quotients and powers of two come
from the special function unit.
"""

from collections.abc import Sequence
from functools import lru_cache

import torch
import triton
import triton.language as tl

from tam.engine.ops.launch import INTERPRETED, OPTIONS, constant
from tam.engine.ops.rank_filter.network import RANK_THREE_SORTED, THREE, sorting_network
from tam.engine.ops.rank_filter.torch import rank_filter as by_torch

# Windows per thread, by kernel size, and threads per program.
_DEEP, _THREADS = {1: 8, 3: 8, 5: 2}, 128

# Whether quotients and powers of two are single instructions of NVIDIA's special function unit.
_SPECIAL = not INTERPRETED and torch.version.hip is None

# Exchanges that sort a row of three, a window of three sorted rows, and any 25 values.
_ROW = constant(THREE)
_THREE_ROWS = constant(RANK_THREE_SORTED)
_ANY_25 = constant(sorting_network(25))


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
        float32 [M, N].
    grids
        ``(h, w)`` of each picture or frame, of any sizes.
    kernel_size
        k, odd.
    origin, span
        Both float32 [M], or both None.
    out
        float32 [M, N], or None.

    Returns
    -------
    float32 [M, N].
    """
    if kernel_size not in _DEEP:
        return by_torch(maps, grids, kernel_size, origin, span, out)
    count, cells = maps.shape
    filtered = torch.empty(count, cells, device=maps.device) if out is None else out
    deep = _DEEP[kernel_size]
    across = min(_THREADS, triton.next_power_of_2(max(triton.cdiv(h, deep) * w for h, w in grids)))
    down = min(_THREADS // across, triton.next_power_of_2(count))
    tiles = _tiles(tuple(grids), deep, across, maps.device)
    scaled = origin is not None and span is not None
    _filter[(len(tiles), triton.cdiv(count, down))](
        maps,
        origin if scaled else maps,
        span if scaled else maps,
        filtered,
        tiles,
        count,
        *maps.stride(),
        *filtered.stride(),
        SCALED=scaled,
        HALF=kernel_size // 2,
        TALL=min(h for h, _ in grids) >= deep,
        SPECIAL=_SPECIAL,
        DEEP=deep,
        DOWN=down,
        ACROSS=across,
        num_warps=_THREADS // 32,
        **OPTIONS,
    )
    return filtered


@lru_cache(maxsize=64)
def _tiles(
    grids: tuple[tuple[int, int], ...], deep: int, across: int, device: torch.device
) -> torch.Tensor:
    """Return int32 [T, 4]: offset, height and width of a tile's grid, and its first strip."""
    tiles, offset = [], 0
    for h, w in grids:
        tiles += [(offset, h, w, first) for first in range(0, triton.cdiv(h, deep) * w, across)]
        offset += h * w
    return torch.tensor(tiles, dtype=torch.int32, device=device)


@triton.jit
def _reflected(index, length, HALF: tl.constexpr):
    """Reflect an index that lies at most HALF outside 0 … length - 1, as NumPy does."""
    for _ in tl.static_range(HALF):
        index = tl.abs(index)
        index = tl.where(index >= length, 2 * (length - 1) - index, index)
    # On an axis of length 1 the loop does not settle; clamping keeps every index in range.
    return tl.minimum(tl.abs(index), length - 1)


@triton.jit
def _exchanged(values, A: tl.constexpr, B: tl.constexpr):
    low = tl.minimum(values[A], values[B])
    high = tl.maximum(values[A], values[B])
    return values[:A] + (low,) + values[A + 1 : B] + (high,) + values[B + 1 :]


@triton.jit
def _sorted(values, NETWORK: tl.constexpr):
    for n in tl.static_range(len(NETWORK)):
        values = _exchanged(values, NETWORK[n][0], NETWORK[n][1])
    return values


@triton.jit
def _sums(values):
    """Return the sum of the values and the sum of their squares."""
    total, squares = values[0], values[0] * values[0]
    for n in tl.static_range(1, len(values)):
        total += values[n]
        squares += values[n] * values[n]
    return total, squares


@triton.jit
def _reciprocal(value, SPECIAL: tl.constexpr):
    """Return 1 / value for a value from 0; the special unit's is off by one ulp at most."""
    if SPECIAL:
        return tl.inline_asm_elementwise(
            "rcp.approx.ftz.f32 $0, $1;", "=f,f", [value], tl.float32, is_pure=True, pack=1
        )
    return 1.0 / value


@triton.jit
def _power_of_two(value, SPECIAL: tl.constexpr):
    """Return 2^value, or 0 where that is below the smallest normal number."""
    if SPECIAL:
        return tl.inline_asm_elementwise(
            "ex2.approx.ftz.f32 $0, $1;", "=f,f", [value], tl.float32, is_pure=True, pack=1
        )
    return tl.exp2(value)


@triton.jit
def _weighted_mean(values, total, squares, SPECIAL: tl.constexpr):
    """Return the mean of a window's sorted values, weighted by their ranks."""
    MIDDLE: tl.constexpr = len(values) // 2
    # cv² = k² Σx² / (Σx)² - 1. If it is 0, the quotient is infinite and the weights are 0. The same
    # holds for values whose squares underflow.
    power = tl.maximum(total * total, 1e-37)
    quotient = power * _reciprocal(tl.maximum(len(values) * squares - power, 0.0), SPECIAL)
    # exp(-x / 2) is 2^(-x / (2 ln 2)).
    base = _power_of_two(-0.7213475204444817 * quotient, SPECIAL)
    # The weight of rank r is base^(r²), and r² is the sum of the first r odd numbers.
    weight, factor, square = base, base, base * base
    norm, result = base, values[MIDDLE]
    for r in tl.static_range(1, MIDDLE + 1):
        if r > 1:
            factor *= square
            weight *= factor
            norm += weight
        result += weight * (values[MIDDLE - r] + values[MIDDLE + r])
    return tl.where(total > 0, result * _reciprocal(1.0 + 2.0 * norm, SPECIAL), 0.0)


@triton.jit
def _filter(
    maps,
    origin,
    span,
    filtered,
    tiles,
    count,
    stride,
    step,
    filtered_stride,
    filtered_step,
    SCALED: tl.constexpr,
    HALF: tl.constexpr,
    TALL: tl.constexpr,
    SPECIAL: tl.constexpr,
    DEEP: tl.constexpr,
    DOWN: tl.constexpr,
    ACROSS: tl.constexpr,
):
    SIDE: tl.constexpr = 2 * HALF + 1
    tile = tiles + 4 * tl.program_id(0)
    offset, height, width = tl.load(tile), tl.load(tile + 1), tl.load(tile + 2)
    strip = tl.load(tile + 3) + tl.arange(0, ACROSS)
    row = tl.program_id(1) * DOWN + tl.arange(0, DOWN)
    inside = (row < count)[:, None] & (strip < tl.cdiv(height, DEEP) * width)[None, :]
    start = maps + row.to(tl.int64)[:, None] * stride
    y, x = strip // width * DEEP, strip % width
    if TALL:
        # The last strip of a column ends with the grid, and filters some windows a second time.
        y = tl.minimum(y, height - DEEP)
    columns = ()
    for dx in tl.static_range(SIDE):
        place = offset + _reflected(x + (dx - HALF), width, HALF)
        columns = columns + (start + place[None, :] * step,)
    if SCALED:
        least = tl.load(origin + row, mask=row < count, other=0.0)[:, None]
        factor = 1.0 / tl.load(span + row, mask=row < count, other=1.0)[:, None]
    seen, totals, squares = (), (), ()
    for dy in tl.static_range(DEEP + 2 * HALF):
        line = y + (dy - HALF)
        if not TALL or dy < HALF or dy >= DEEP + HALF:
            line = _reflected(line, height, HALF)
        line = line * width
        values = ()
        for dx in tl.static_range(SIDE):
            value = tl.load(columns[dx] + line[None, :] * step, mask=inside)
            if SCALED:
                value = (value - least) * factor
            values = values + (value,)
        total, square = _sums(values)
        totals, squares = totals + (total,), squares + (square,)
        if HALF == 1:
            values = _sorted(values, _ROW)
        seen = seen + values
    place = row.to(tl.int64)[:, None] * filtered_stride
    place += ((offset + y * width + x) * filtered_step)[None, :]
    for r in tl.static_range(DEEP):
        window, total, square = (), totals[r], squares[r]
        for line in tl.static_range(1, SIDE):
            total += totals[r + line]
            square += squares[r + line]
        for rank in tl.static_range(SIDE):
            for line in tl.static_range(SIDE):
                window = window + (seen[(r + line) * SIDE + rank],)
        if HALF == 1:
            window = _sorted(window, _THREE_ROWS)
        if HALF == 2:
            window = _sorted(window, _ANY_25)
        result = _weighted_mean(window, total, square, SPECIAL)
        if SCALED:
            result = tl.minimum(tl.maximum(result, 0.0), 1.0)
        written = inside
        if not TALL:
            written = inside & (y + r < height)[None, :]
        tl.store(filtered + place + r * width * filtered_step, result, mask=written)
