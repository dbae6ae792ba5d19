"""The mapping of a layer's states to vision cells."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from tam.capture.access import exclusive
from tam.errors import InputError, ModelError
from tam.probe.vision_features import attention_off
from tam.replay.layers import LayerName, parsed
from tam.replay.replay import Replay


@dataclass(frozen=True, eq=False)
class Places:
    """The vision cells of a layer's states.

    Parameters
    ----------
    rows
        int64 [S]: rows of the layer's states (of all its calls, concatenated) that lie in a cell.
    cells
        int64 [S]: the cell of each of these rows.
    count
        The number N of cells.
    """

    rows: NDArray[np.int64]
    cells: NDArray[np.int64]
    count: int

    def of(self, outputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the rows [S, D] of a layer's outputs that lie in a cell."""
        flat = torch.cat([output.reshape(-1, output.shape[-1]) for output in outputs])
        return flat[torch.from_numpy(self.rows).to(flat.device)]

    def to_cells(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the mean [N] of the values [S] in each cell."""
        total = np.bincount(self.cells, weights=values, minlength=self.count)
        count = np.bincount(self.cells, minlength=self.count)
        return (total / np.maximum(count, 1)).astype(np.float32)


def places(replay: Replay, layer: LayerName) -> Places:
    """Find the vision cells of a layer's states.

    In the language model, the states are at the cells' positions. In the vision tower, families
    differ (windows, merged patches, tiles, class tokens), so the mapping is measured: with
    attention off, a state of the tower affects only the vision tokens that it becomes a part of.
    The index of a cell is found bit by bit, with two backward passes for each bit: one finds the
    states with a gradient in a random projection of the cells whose bit is 0, the other of those
    whose bit is 1.

    Raises
    ------
    InputError
        If the layer comes after the one that the language model reads.
    ModelError
        If a state of the tower affects several cells, or no state affects some cell.
    """
    vision = replay.trace.vision
    if parsed(layer)[0] != "vision":
        count = len(vision.positions)
        return Places(vision.positions, np.arange(count, dtype=np.int64), count)
    module, adapter = replay.checkpoint.module, replay.checkpoint.adapter
    with exclusive(module), attention_off(module, adapter):
        run = replay.run([0], layers=[layer, "input"], gradients=True, checked=False)
    outputs, [embeddings] = run.states
    found = located(
        replay,
        embeddings,
        outputs,
        what="state of its vision tower",
        remedy="choose a layer of the language model",
    )
    if not len(found.rows):
        raise InputError(
            "no vision token depends on this layer's states",
            where=f"layer {layer}",
            remedy="choose an earlier layer; many families skip the last one",
        )
    return found


def located(
    replay: Replay,
    embeddings: torch.Tensor,
    states: Sequence[torch.Tensor],
    *,
    what: str,
    remedy: str,
) -> Places:
    """Find the cells of states by their gradients, in a pass without the tower's attention.

    Parameters
    ----------
    replay
        The recorded run.
    embeddings
        [1, L, D]: the input of the language model, with its graph.
    states
        Tensors of the pass; their rows along the last dimension are placed.
    what, remedy
        What a row is, and what to do if it cannot be placed.

    Returns
    -------
    Places
        Without any row if no cell depends on the states.

    Raises
    ------
    ModelError
        If a row affects several cells, or some cell depends on no row.
    """
    count = len(replay.trace.vision.positions)
    bits = max(1, math.ceil(math.log2(count)))
    reached = _reached(replay, embeddings, states, bits)
    if (reached[0] & reached[1]).any():
        raise _unplaced(replay, f"a {what} is part of several cells", remedy)
    inside = (reached[0] | reached[1]).all(axis=0)
    index = (reached[1].astype(np.int64) << np.arange(bits)[:, None]).sum(axis=0)
    found = Places(np.flatnonzero(inside), index[inside], count)
    if len(found.rows) and set(found.cells) != set(range(count)):
        raise _unplaced(replay, f"some cell has no {what} to itself", remedy)
    return found


def _reached(
    replay: Replay, embeddings: torch.Tensor, states: Sequence[torch.Tensor], bits: int
) -> NDArray[np.bool_]:
    """Return whether each state affects a cell whose bit is 0 or 1, bool [2, bits, rows]."""
    positions = torch.from_numpy(replay.trace.vision.positions)
    features = embeddings[0, positions.to(embeddings.device)].float()
    generator = torch.Generator().manual_seed(0)
    projection = torch.randn(features.shape, generator=generator).to(features.device)
    projected = (features * projection).sum(1)
    reached = []
    for value in (0, 1):
        for bit in range(bits):
            chosen = (torch.arange(len(projected), device=projected.device) >> bit & 1) == value
            gradients = torch.autograd.grad(
                projected[chosen].sum(), states, retain_graph=True, materialize_grads=True
            )
            rows = [gradient.reshape(-1, gradient.shape[-1]) for gradient in gradients]
            reached.append((torch.cat(rows) != 0).any(1).cpu().numpy())
    return np.stack(reached).reshape(2, bits, -1)


def _unplaced(replay: Replay, what: str, remedy: str) -> ModelError:
    return ModelError(what, where=replay.checkpoint.adapter.family, remedy=remedy)
