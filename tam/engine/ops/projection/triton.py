"""The projection on CUDA, which gathers states and head rows without copying them first."""

import torch
import triton
import triton.language as tl

from tam.engine.ops.launch import INTERPRETED, OPTIONS, contiguous_index

# Targets and cells of one program, features per step, and warps.
_LARGE, _SMALL = (128, 128, 64, 4), (64, 64, 64, 4)

# The number of scores from which large blocks keep all multiprocessors of a large GPU busy.
_MANY = 132 * 128 * 128


def projection(
    states: torch.Tensor,
    positions: torch.Tensor,
    head: torch.Tensor,
    ids: torch.Tensor,
    *,
    relu: bool = True,
) -> torch.Tensor:
    """Project selected states onto selected LM-head rows in float32; see :mod:`.naive`.

    Products of half-precision numbers are exact in float32; float32 inputs are multiplied without
    TF32.

    Parameters
    ----------
    states, head
        [L, D] and [V, D] of floating dtypes on one device; cast as they are loaded.
    positions, ids
        int64 [P] and [K].
    relu
        Whether to apply the ReLU.

    Returns
    -------
    float32 [K, P].
    """
    head = head.to(states.device)
    scores = torch.empty(len(ids), len(positions), device=states.device)
    half = states.dtype == head.dtype and states.element_size() == 2
    targets, cells, features, warps = _LARGE if half and scores.numel() >= _MANY else _SMALL
    if scores.numel() == 0:
        return scores
    grid = (triton.cdiv(len(ids), targets), triton.cdiv(len(positions), cells))
    _project[grid](
        states,
        contiguous_index(positions, states),
        head,
        contiguous_index(ids, states),
        scores,
        len(ids),
        len(positions),
        states.shape[1],
        *states.stride(),
        *head.stride(),
        TARGETS=targets,
        CELLS=cells,
        FEATURES=features if half else features // 2,
        CAST=INTERPRETED or not half,
        RELU=relu,
        num_warps=warps,
        num_stages=3,
        **OPTIONS,
    )
    return scores


@triton.jit
def _project(
    states,
    positions,
    head,
    ids,
    scores,
    count,
    cells,
    width,
    state_stride,
    state_step,
    head_stride,
    head_step,
    TARGETS: tl.constexpr,
    CELLS: tl.constexpr,
    FEATURES: tl.constexpr,
    CAST: tl.constexpr,
    RELU: tl.constexpr,
):
    # Neighboring programs share a block of states, the larger operand, and find it in the cache.
    target = tl.program_id(0) * TARGETS + tl.arange(0, TARGETS)
    cell = tl.program_id(1) * CELLS + tl.arange(0, CELLS)
    row = tl.load(ids + target, mask=target < count, other=0)
    state = tl.load(positions + cell, mask=cell < cells, other=0)
    feature = tl.arange(0, FEATURES)
    rows = head + row[:, None] * head_stride + feature[None, :] * head_step
    columns = states + state[None, :] * state_stride + feature[:, None] * state_step
    product = tl.zeros((TARGETS, CELLS), tl.float32)
    for first in range(0, width, FEATURES):
        inside = first + feature < width
        left = tl.load(rows + first * head_step, mask=inside[None, :], other=0.0)
        right = tl.load(columns + first * state_step, mask=inside[:, None], other=0.0)
        if CAST:
            left = left.to(tl.float32)
            right = right.to(tl.float32)
        product = tl.dot(left, right, product, input_precision="ieee")
    score = product
    if RELU:
        # 0 · x is NaN if x is not finite, else 0; the ReLU alone would hide -inf.
        score = tl.maximum(product, 0.0) + product * 0.0
    place = target.to(tl.int64)[:, None] * cells + cell[None, :]
    tl.store(scores + place, score, mask=(target < count)[:, None] & (cell < cells)[None, :])
