"""What is read of a reply's logits: the log-probability of each token, or its lead over others."""

from collections.abc import Callable

import torch

Reading = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""A function of logits, float32 [B, R, V], and the reply's token ids [R] that returns [B, R]."""


def log_probabilities_of(logits: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """Return the log-probability of each token of the reply."""
    return logits.log_softmax(-1)[:, torch.arange(len(ids)), ids]


def leads_of(logits: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """Return each token's logit minus the highest of the other tokens."""
    places = torch.arange(len(ids))
    others = logits.clone()
    others[:, places, ids] = -torch.inf
    return logits[:, places, ids] - others.amax(-1)
