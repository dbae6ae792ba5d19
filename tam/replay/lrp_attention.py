"""Attention with the rules of AttnLRP, registered with transformers under a name of its own.

Nothing in transformers is replaced: only a pass that chooses the name gets these rules.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface, eager_mask

from tam.errors import ModelError

NAME = "tam_attn_lrp"

Softmax = tuple[torch.Tensor, torch.Tensor]
"""The scores before a softmax and the weights after it, both [1, H, L, L]."""

_KEPT: ContextVar[list[Softmax] | None] = ContextVar("softmaxes", default=None)
# Further arguments of some families' attention, for which these rules are not known.
_UNKNOWN = ("s_aux", "sinks", "position_bias", "head_mask")


@contextmanager
def softmaxes_kept() -> Iterator[list[Softmax]]:
    """Keep the input and the output of each softmax within the block, layer by layer."""
    kept: list[Softmax] = []
    token = _KEPT.set(kept)
    try:
        yield kept
    finally:
        _KEPT.reset(token)


def half_gradient(values: torch.Tensor) -> torch.Tensor:
    """Give the same values, with half of the gradient: each factor's share of a product."""
    half = values / 2
    return half + half.detach()


def proportional(output: torch.Tensor, entering: torch.Tensor) -> torch.Tensor:
    """Give the same output as a multiple of its input, element by element.

    The relevance of the output then equals that of the input (the identity rule).
    """
    ratio = torch.where(entering == 0, 0, output / entering).detach()
    linear = entering * ratio
    # Rounding must not change the pass.
    return linear + (output - linear).detach()


def attention_with_rules(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    softcap: float | None = None,
    **others: Any,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute attention whose gradient halves both products, and keeps that of the softmax.

    Parameters
    ----------
    module
        The attention module that calls it.
    query, key, value
        [B, H, L, D], keys and values perhaps of fewer heads.
    attention_mask
        [B, 1, L, L], added to the scores.
    scaling, softcap
        As transformers gives them.

    Returns
    -------
    The output [B, L, H, D] and the weights [B, H, L, L].

    Raises
    ------
    ModelError
        If the family's attention adds a term without a rule here.
    """
    for name in _UNKNOWN:
        if others.get(name) is not None:
            raise ModelError(
                f"its attention adds {name}, for which AttnLRP has no rule",
                where=type(module).__name__,
                remedy="use another method, such as relevancy",
            )
    key, value = (
        part.repeat_interleave(query.shape[1] // part.shape[1], 1) for part in (key, value)
    )
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    scores = half_gradient(query) @ half_gradient(key).transpose(2, 3) * scaling
    capped = (
        scores if softcap is None else proportional(softcap * (scores / softcap).tanh(), scores)
    )
    if attention_mask is not None:
        capped = capped + attention_mask[..., : key.shape[2]]
    weights = capped.softmax(-1, torch.float32).to(query.dtype)
    # A vision tower may share the language model's configuration, and gets no gradient.
    if (kept := _KEPT.get()) is not None and scores.requires_grad:
        kept.append((scores, weights))
    output = half_gradient(weights) @ half_gradient(value)
    return output.transpose(1, 2).contiguous(), weights


AttentionInterface.register(NAME, attention_with_rules)
AttentionMaskInterface.register(NAME, eager_mask)
