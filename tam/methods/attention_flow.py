"""Shared parts of the methods that follow attention through all layers."""

from collections.abc import Sequence

import torch

from tam.errors import ModelError
from tam.replay import Pass, Replay


def run_with_attention(
    replay: Replay, targets: Sequence[int], *, gradients: bool, states: bool = False
) -> Pass:
    """Run the model once and keep every layer's attention weights, and its states on request.

    Raises
    ------
    ModelError
        If some layers have no attention weights, because the flow through them is unknown.
    """
    count = len(replay.layers)
    layers = range(count) if states else ()
    run = replay.run(targets, layers=layers, gradients=gradients, attention=True)
    if len(run.attentions) != count:
        raise ModelError(
            f"{count - len(run.attentions)} of its {count} layers have no attention weights",
            where=replay.checkpoint.adapter.family,
            remedy="use the method 'attention', or one that needs no weights, such as tam",
        )
    return run


def followed(row: torch.Tensor, mixing: Sequence[torch.Tensor]) -> torch.Tensor:
    """Follow a row [L] down through the layers: ``row (I + M_l) … (I + M_1)``, M_l [L, L]."""
    for layer in reversed(mixing):
        row = row.to(layer)
        row = row + row @ layer
    return row
