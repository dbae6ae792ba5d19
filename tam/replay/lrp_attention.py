"""Attention with the rules of AttnLRP, registered with transformers under its own name.

Nothing in transformers is replaced: only a pass that selects this name uses these rules.
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
# Additional arguments of some families' attention, for which there is no rule.
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
    """Return the same values with half of the gradient: the share of each factor of a product."""
    half = values / 2
    return half + half.detach()


def proportional(output: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
    """Return the output unchanged, with the gradient of an element-wise multiple of its inputs.

    The relevance of the inputs then equals that of the output (the identity rule).
    """
    ratio = torch.where(inputs == 0, 0, output / inputs).detach()
    linear = inputs * ratio
    # Add the rounding error back, so that the values of the pass do not change.
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
    """Compute attention with half gradients in both matrix products and the softmax's own gradient.

    Parameters
    ----------
    module
        The attention module that calls this function.
    query, key, value
        [B, H, L, D]; keys and values may have fewer heads.
    attention_mask
        [B, 1, L, L], added to the scores.
    scaling, softcap
        As transformers passes them.

    Returns
    -------
    tuple of torch.Tensor
        The output [B, L, H, D] and the weights [B, H, L, L].

    Raises
    ------
    ModelError
        If the family's attention adds a term for which there is no rule.
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
    # A vision tower may share the language model's configuration, but its pass has no gradient.
    if (kept := _KEPT.get()) is not None and scores.requires_grad:
        kept.append((scores, weights))
    output = half_gradient(weights) @ half_gradient(value)
    return output.transpose(1, 2).contiguous(), weights


AttentionInterface.register(NAME, attention_with_rules)
AttentionMaskInterface.register(NAME, eager_mask)
