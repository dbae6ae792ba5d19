"""The causal residual on CUDA: a masked product with partial sums, then one more pass."""

import math

import torch
import triton
import triton.language as tl

from tam.engine.ops.launch import INTERPRETED, OPTIONS, contiguous_index

# One program of the first pass: targets, cells, words per step, warps, stages.
_BLOCK = (64, 128, 32, 4, 3)

# Cells of one program of the second pass.
_PASS = 1024


def causal_residual(
    context_activation: torch.Tensor,
    target_activation: torch.Tensor,
    text_scores: torch.Tensor,
    context_ids: torch.Tensor,
    target_ids: torch.Tensor,
    causal_stop: torch.Tensor,
    cap: float = math.inf,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Subtract from each target's map the part that its earlier words explain; see :mod:`.naive`.

    The first pass multiplies the masked text scores by the context's maps, only over the words
    before the last stop of a block, and computes partial sums for the scale. The interference is
    subtracted from values of similar size, so a product in TF32 or bfloat16 would be too coarse:
    every number is split into three bfloat16 parts, and the six largest products of parts are
    added in float32 by the matrix units (Henry, Tang & Heinecke, arXiv 1904.06376). The second
    pass subtracts and finds the bounds of each part of a row.

    Parameters
    ----------
    context_activation, target_activation, text_scores
        float32 [K, N], [M, N] and [M, K].
    context_ids, target_ids, causal_stop
        int64 [K], [M] and [M].
    cap
        The largest scale.

    Returns
    -------
    float32 [M, N], [M, P] and [M, P].
    """
    count, cells = target_activation.shape
    words = len(context_ids)
    residual = torch.empty(count, cells, device=target_activation.device)
    size, width, step, warps, stages = _BLOCK
    blocks = triton.cdiv(cells, width)
    sums = residual.new_empty(2, count, blocks)
    stop = contiguous_index(causal_stop, residual)
    _interfere[(blocks, triton.cdiv(count, size))](
        context_activation,
        target_activation,
        text_scores,
        contiguous_index(context_ids, residual),
        contiguous_index(target_ids, residual),
        stop,
        residual,
        sums,
        count,
        cells,
        words,
        *context_activation.stride(),
        *target_activation.stride(),
        *text_scores.stride(),
        TARGETS=size,
        CELLS=width,
        WORDS=step,
        SPLIT=not INTERPRETED,
        num_warps=warps,
        num_stages=stages,
        **OPTIONS,
    )
    parts = triton.cdiv(cells, _PASS)
    bounds = residual.new_empty(2, count, parts)
    _subtract[(count, parts)](
        target_activation,
        residual,
        sums,
        bounds,
        count,
        cells,
        blocks,
        float(cap),
        *target_activation.stride(),
        CELLS=_PASS,
        BLOCKS=triton.next_power_of_2(blocks),
        num_warps=4,
        **OPTIONS,
    )
    return residual, bounds[0], bounds[1]


@triton.jit
def _parts(values):
    """Split float32 values into three bfloat16 parts, whose sum is exact to 24 bits."""
    high = values.to(tl.bfloat16)
    rest = values - high.to(tl.float32)
    middle = rest.to(tl.bfloat16)
    return high, middle, (rest - middle.to(tl.float32)).to(tl.bfloat16)


@triton.jit
def _product(left, right):
    """Multiply float32 matrices to float32 precision by products of their bfloat16 parts."""
    left_high, left_middle, left_low = _parts(left)
    right_high, right_middle, right_low = _parts(right)
    # The smallest products come first, so that the sum does not lose them.
    product = tl.dot(left_low, right_high)
    product = tl.dot(left_middle, right_middle, product)
    product = tl.dot(left_high, right_low, product)
    product = tl.dot(left_middle, right_high, product)
    product = tl.dot(left_high, right_middle, product)
    return tl.dot(left_high, right_high, product)


@triton.jit
def _interfere(
    context,
    target,
    text,
    context_ids,
    target_ids,
    causal_stop,
    interference,
    sums,
    count,
    cells,
    words,
    context_stride,
    context_step,
    target_stride,
    target_step,
    text_stride,
    text_step,
    TARGETS: tl.constexpr,
    CELLS: tl.constexpr,
    WORDS: tl.constexpr,
    SPLIT: tl.constexpr,
):
    # Later targets have more words before them, so their programs start first.
    last_rows = tl.num_programs(1) - 1 - tl.program_id(1)
    row = last_rows * TARGETS + tl.arange(0, TARGETS)
    cell = tl.program_id(0) * CELLS + tl.arange(0, CELLS)
    known, seen = row < count, cell < cells
    stop = tl.load(causal_stop + row, mask=known, other=0)
    own = tl.load(target_ids + row, mask=known, other=-1)
    product = tl.zeros((TARGETS, CELLS), tl.float32)
    total = tl.zeros((TARGETS,), tl.float32)
    last = tl.minimum(tl.max(stop, axis=0), words).to(tl.int32)
    for first in range(0, last, WORDS):
        word = first + tl.arange(0, WORDS)
        inside = word < words
        other = tl.load(context_ids + word, mask=inside, other=-1)
        used = (word[None, :] < stop[:, None]) & (other[None, :] != own[:, None])
        used = used & inside[None, :] & known[:, None]
        places = row.to(tl.int64)[:, None] * text_stride + word[None, :] * text_step
        weights = tl.load(text + places, mask=used, other=0.0)
        places = word.to(tl.int64)[:, None] * context_stride + cell[None, :] * context_step
        maps = tl.load(context + places, mask=inside[:, None] & seen[None, :], other=0.0)
        if SPLIT:
            product += _product(weights, maps)
        else:
            product = tl.dot(weights, maps, product, input_precision="ieee")
        total += tl.sum(weights, axis=1)
    product *= (1.0 / (total + 1e-8))[:, None]
    written = known[:, None] & seen[None, :]
    places = row.to(tl.int64)[:, None] * target_stride + cell[None, :] * target_step
    activation = tl.load(target + places, mask=written, other=0.0)
    places = row.to(tl.int64)[:, None] * cells + cell[None, :]
    tl.store(interference + places, product, mask=written)
    blocks = tl.num_programs(0)
    place = row * blocks + tl.program_id(0)
    tl.store(sums + place, tl.sum(activation * product, axis=1), mask=known)
    tl.store(sums + count * blocks + place, tl.sum(product * product, axis=1), mask=known)


@triton.jit
def _subtract(
    target,
    residual,
    sums,
    bounds,
    count,
    cells,
    blocks,
    cap,
    target_stride,
    target_step,
    CELLS: tl.constexpr,
    BLOCKS: tl.constexpr,
):
    row = tl.program_id(0)
    block = tl.arange(0, BLOCKS)
    place = row * blocks + block
    agreement = tl.sum(tl.load(sums + place, mask=block < blocks, other=0.0))
    power = tl.sum(tl.load(sums + count * blocks + place, mask=block < blocks, other=0.0))
    # If the power is 0, so is the agreement; dividing by 1 then makes the scale 0.
    scale = tl.minimum(agreement / tl.where(power > 0, power, 1.0), cap)
    cell = tl.program_id(1) * CELLS + tl.arange(0, CELLS)
    inside = cell < cells
    start = row.to(tl.int64)
    activation = tl.load(target + start * target_stride + cell * target_step, mask=inside)
    places = residual + start * cells + cell
    value = tl.maximum(activation - scale * tl.load(places, mask=inside), 0.0)
    tl.store(places, value, mask=inside)
    parts = tl.num_programs(1)
    place = row * parts + tl.program_id(1)
    tl.store(bounds + place, tl.min(tl.where(inside, value, float("inf"))))
    tl.store(bounds + count * parts + place, tl.max(tl.where(inside, value, 0.0)))
