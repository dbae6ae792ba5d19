"""Localization heads: the few attention heads that focus on one place (arXiv 2503.06287)."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, label

from tam.explanation.explanation import Explanation
from tam.geometry.layout import VisionGrid
from tam.methods.class_activation import as_matrix
from tam.methods.options import check_whole
from tam.methods.result import Targets, explained, resolve_targets
from tam.recording.trace import Trace
from tam.replay import Replay

_VOTES = 10
_SMOOTHING = 1.0
# A cell is a sink if some coordinate of its state is this many times the state's root mean square.
_SINK = 20.0


def localization_heads(
    trace: Trace, replay: Replay, targets: Targets = None, *, heads: int = 3
) -> Explanation:
    """Sum the attention of the heads that look at the picture and focus on one place in it.

    For each word of the reply, a head qualifies if its total attention to the picture lies above
    the elbow of all heads' totals (the point of the sorted curve farthest from its chord); of these
    the ten with the lowest spatial entropy get a vote. The ``heads`` with the most votes over the
    words are the conversation's localization heads; a map is the sum of their attention from the
    position that predicted the word, each smoothed by a Gaussian of one cell. Spatial entropy is
    that of the attention above its mean, over its 8-connected components (Kang et al. 2025; there
    heads are chosen once for a model, on a thousand pictures). Cells that are attention sinks are
    left out: those whose state has a coordinate 20 times its root mean square or more (arXiv
    2503.03321). Maps [K, N]. Cost: one forward pass with eager attention, which returns its
    weights.

    Parameters
    ----------
    trace, replay, targets
        See :mod:`tam.methods`.
    heads
        The number of heads to sum.
    """
    check_whole("heads", heads)
    asked = resolve_targets(trace, targets)
    middle = len(replay.layers) // 2
    run = replay.run([], layers=[middle], attention=True)
    every = torch.cat([layer[0].float().cpu() for layer in run.attentions]).numpy()
    looks = every[:, :, trace.vision.positions]  # [heads, L, N]
    looks[:, :, sinks(run.states[0][0][0], trace.vision.positions)] = 0
    first = trace.text.prompt_targets
    own = [int(place) for place in trace.text.context_positions[first:]]
    chosen = voted([looks[:, place] for place in own], trace.vision.grids)[:heads]
    maps = [
        smoothed(looks[chosen, int(trace.text.context_positions[target])], trace.vision.grids)
        for target in asked
    ]
    method = {"name": "localization-heads", "heads": heads, "chosen": [int(h) for h in chosen]}
    return explained(trace, asked, as_matrix(maps, looks.shape[2]), method)


def sinks(states: torch.Tensor, positions: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return a mask of cells, bool [N], that is true where a state [L, D] has a massive value."""
    own = states.detach().float().cpu()[torch.from_numpy(positions)]
    return np.asarray((own.abs().amax(1) >= _SINK * own.square().mean(1).sqrt()).numpy())


def voted(rows: Sequence[NDArray[np.float32]], grids: Sequence[VisionGrid]) -> NDArray[np.int64]:
    """Rank the heads by their votes over words; each row float32 [heads, N] is a word's attention.

    Ties are broken by the mean attention to the picture.
    """
    votes, total = np.zeros(len(rows[0])), np.zeros(len(rows[0]))
    for row in rows:
        sums = row.sum(1)
        total += sums
        looking = np.flatnonzero(sums >= elbow(sums))
        entropies = np.array([entropy(row[head], grids) for head in looking])
        votes[looking[np.argsort(entropies, kind="stable")[:_VOTES]]] += 1
    return np.lexsort((-total, -votes))


def elbow(values: NDArray[np.float32]) -> float:
    """Return the value at the point of the sorted curve that lies farthest below its chord."""
    curve = np.sort(values)
    chord = np.linspace(curve[0], curve[-1], len(curve))
    return float(curve[int(np.argmax(chord - curve))])


def entropy(row: NDArray[np.float32], grids: Sequence[VisionGrid]) -> float:
    """Spatial entropy of a map [N]: how its mass above the mean spreads over its components."""
    masses: list[float] = []
    for part, shape in _by_grid(np.where(row > row.mean(), row, 0), grids):
        for frame in part.reshape(shape):
            marks, count = label(frame > 0, np.ones((3, 3)))
            masses += [float(frame[marks == index].sum()) for index in range(1, count + 1)]
    shares = np.array(masses) / max(sum(masses), 1e-12)
    return float(-(shares * np.log(shares)).sum()) if masses else float("inf")


def smoothed(rows: NDArray[np.float32], grids: Sequence[VisionGrid]) -> NDArray[np.float32]:
    """Sum maps [heads, N], each smoothed by a Gaussian in its grid; float32 [N]."""
    parts = [
        gaussian_filter(part.reshape(shape), (0, _SMOOTHING, _SMOOTHING), mode="nearest").ravel()
        for part, shape in _by_grid(rows.sum(0), grids)
    ]
    return np.concatenate(parts).astype(np.float32)


def _by_grid(
    row: NDArray[np.float32], grids: Sequence[VisionGrid]
) -> list[tuple[NDArray[np.float32], tuple[int, int, int]]]:
    ends = np.cumsum([grid.cells for grid in grids])[:-1]
    return [(part, grid.shape) for part, grid in zip(np.split(row, ends), grids, strict=True)]
