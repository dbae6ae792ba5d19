"""Shared parts of the class activation methods: a layer's states and gradients at the picture."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from tam.errors import InputError
from tam.replay import LayerName, Pass, Replay
from tam.replay.layers import numbered, parsed
from tam.replay.places import Places, places

LAYER = -2
"""The last layer whose states at a picture are read by later words. The states of the final layer
have no gradient, because only the LM head reads them, each at its own position."""


@dataclass(frozen=True, eq=False)
class Activations:
    """A layer's states at the picture, from one forward pass.

    Parameters
    ----------
    states
        float32 [S, D] on the CPU.
    where
        The cells of the S states.
    """

    states: torch.Tensor
    where: Places
    _run: Pass

    def gradients(self) -> Iterator[torch.Tensor]:
        """Yield each target's logit gradient, float32 [S, D], with one backward pass each."""
        for gradients in self._run.gradients(self._run.states[0]):
            yield self.where.of(gradients).float().cpu()


def activations(
    replay: Replay,
    targets: Sequence[int],
    layer: LayerName,
    where: Places,
    *,
    pixels: Mapping[str, torch.Tensor] | None = None,
) -> Activations:
    """Run the model once and keep a layer's states, with the graph from them to the targets."""
    run = replay.run(targets, layers=[layer], gradients=True, pixels=pixels)
    return Activations(where.of(run.states[0]).detach().float().cpu(), where, run)


def places_with_gradient(replay: Replay, layer: LayerName) -> Places:
    """Return the cells of a layer's states, if the words of a reply depend on these states.

    Raises
    ------
    InputError
        If it is the language model's last layer.
    """
    kind, index = parsed(layer)
    count = len(replay.layers)
    if kind == "language" and numbered(replay.layers, index, layer) == count - 1:
        raise InputError(
            "no word depends on the picture's states after the last layer",
            where=f"layer {layer}",
            remedy=f"choose a layer from 0 to {count - 2}, 'input', or one of the vision tower",
        )
    return places(replay, layer)


def as_matrix(rows: Sequence[NDArray[np.float32]], cells: int) -> NDArray[np.float32]:
    """Stack maps into one array, float32 [T, cells]; T may be 0."""
    return np.stack(rows) if rows else np.zeros((0, cells), np.float32)
