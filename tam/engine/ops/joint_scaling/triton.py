"""The joint scaling on CUDA, one program for each target."""

import torch
import triton
import triton.language as tl

from tam.engine.ops.launch import OPTIONS, contiguous_index

_WORDS = 512


def joint_scaling(
    low: torch.Tensor, high: torch.Tensor, text_scores: torch.Tensor, scale_stop: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Compute the scale that each target's map and text scores share; see :mod:`.naive`.

    Parameters
    ----------
    low, high, text_scores
        float32 [M, P], [M, P] and [M, K].
    scale_stop
        int64 [M].

    Returns
    -------
    float32 [M], [M], [M, K] and [M, K].
    """
    count, words = text_scores.shape
    origin, span = torch.empty(2, count, device=low.device)
    relevance, used = torch.empty(2, count, words, device=low.device)
    _scale[(count,)](
        low,
        high,
        text_scores,
        contiguous_index(scale_stop, low),
        origin,
        span,
        relevance,
        used,
        words,
        low.shape[1],
        *text_scores.stride(),
        WORDS=_WORDS,
        PARTS=triton.next_power_of_2(low.shape[1]),
        num_warps=4,
        **OPTIONS,
    )
    return origin, span, relevance, used


@triton.jit
def _scale(
    low,
    high,
    text,
    scale_stop,
    origin,
    span,
    relevance,
    scores,
    words,
    parts,
    text_stride,
    text_step,
    WORDS: tl.constexpr,
    PARTS: tl.constexpr,
):
    row = tl.program_id(0)
    start = row.to(tl.int64)
    stop = tl.load(scale_stop + row)
    lows = tl.full((WORDS,), float("inf"), tl.float32)
    highs = tl.full((WORDS,), float("-inf"), tl.float32)
    for first in range(0, words, WORDS):
        word = first + tl.arange(0, WORDS)
        used = (word < words) & (word < stop)
        score = tl.load(text + start * text_stride + word * text_step, mask=used, other=0.0)
        lows = tl.minimum(lows, tl.where(used, score, float("inf")))
        highs = tl.maximum(highs, tl.where(used, score, float("-inf")))
    part = tl.arange(0, PARTS)
    place = start * parts + part
    own_low = tl.load(low + place, mask=part < parts, other=float("inf"))
    own_high = tl.load(high + place, mask=part < parts, other=float("-inf"))
    least = tl.minimum(tl.min(own_low), tl.min(lows))
    width = tl.maximum(tl.max(own_high), tl.max(highs)) - least
    # If all values are equal, the differences are 0, and 0 / 1 is the wanted 0.
    width = tl.where(width > 0, width, 1.0)
    tl.store(origin + row, least)
    tl.store(span + row, width)
    for first in range(0, words, WORDS):
        word = first + tl.arange(0, WORDS)
        inside = word < words
        used = inside & (word < stop)
        score = tl.load(text + start * text_stride + word * text_step, mask=used, other=0.0)
        value = tl.where(used, (score - least) / width, 0.0)
        tl.store(relevance + start * words + word, value, mask=inside)
        tl.store(scores + start * words + word, score, mask=inside)
