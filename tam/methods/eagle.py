"""EAGLE: a greedy search for superpixels that are sufficient and necessary for a word."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tam.explanation.explanation import Explanation
from tam.methods.class_activation import as_matrix
from tam.methods.options import check_whole
from tam.methods.perturbation import shown_alone
from tam.methods.result import Targets, explained, resolve_targets
from tam.methods.superpixels import superpixels
from tam.recording.trace import Trace
from tam.replay import Replay

Objective = Callable[[NDArray[np.bool_]], NDArray[np.float64]]
"""A function from sets of regions, bool [V, G], to the objective of each, float64 [V]."""


def eagle(
    trace: Trace,
    replay: Replay,
    targets: Targets = None,
    *,
    segments: int = 32,
    scope: int = 8,
    every: int = 8,
    batch: int = 16,
) -> Explanation:
    """Add superpixels one by one, at each step the one that makes the best set.

    The objective of a set S is ``F(S) = p(word | S alone) + 1 - p(word | all but S)``: sufficiency
    (insight) and necessity (Chen et al., CVPR 2026, arXiv 2509.22496). In the efficient form all
    remaining superpixels are ranked at every ``every``-th step; in the steps between, only the
    first ``scope`` of that ranking are tried. Hidden superpixels take the picture's mean color. A
    superpixel's height is the share of F that was still to be gained before it was added (defined
    here; the paper shows the order), so heights fall in the order of the search. Maps [K, N] of the
    reply's words. Cost: two forward passes for each set that is tried, and a separate search for
    each word; about 550 passes a word for 32 superpixels.

    Parameters
    ----------
    trace, replay, targets
        See :mod:`tam.methods`.
    segments
        The approximate number of superpixels of a picture.
    scope, every
        The number of superpixels tried in a step, and the steps between trials of all.
    batch
        The number of pictures in one forward pass.

    Raises
    ------
    SetupError
        If scikit-image is missing.
    """
    for name, value in (("segments", segments), ("scope", scope), ("every", every)):
        check_whole(name, value)
    check_whole("batch", batch)
    asked = resolve_targets(trace, targets, prompt=False)
    cut = superpixels(trace, segments)
    rows = []
    for target in asked:
        step = target - trace.text.prompt_targets

        def objective(sets: NDArray[np.bool_], step: int = step) -> NDArray[np.float64]:
            both = np.concatenate([sets, ~sets])
            read = np.exp(shown_alone(replay, cut.regions, both, batch)[:, step])
            alone, without = np.split(read.astype(np.float64), 2)
            return np.asarray(alone + 1 - without)

        order, values = searched(objective, len(cut.regions), scope, every)
        rows.append(heights(order, values))
    evidence = cut.to_cells(as_matrix(rows, len(cut.regions)))
    method = {"name": "eagle", "segments": segments, "scope": scope, "every": every}
    return explained(trace, asked, evidence, method)


def searched(
    objective: Objective, regions: int, scope: int, every: int
) -> tuple[list[int], list[float]]:
    """Search greedily for the order of regions.

    Returns
    -------
    The regions in the order in which they were added, and the objective before the first and after
    each.
    """
    chosen = np.zeros(regions, bool)
    waiting = list(range(regions))
    order: list[int] = []
    values = [float(objective(chosen[None])[0])]
    while waiting:
        ranking = len(order) % every == 0
        tried = waiting if ranking else waiting[:scope]
        sets = np.repeat(chosen[None], len(tried), 0)
        sets[np.arange(len(tried)), tried] = True
        found = objective(sets)
        best = tried[int(found.argmax())]
        if ranking:
            waiting = [tried[index] for index in np.argsort(-found, kind="stable")]
        waiting.remove(best)
        chosen[best] = True
        order.append(best)
        values.append(float(found.max()))
    return order, values


def heights(order: list[int], values: list[float]) -> NDArray[np.float32]:
    """float32 [G]: the share of the objective still to be gained before each region is added."""
    best = np.maximum.accumulate(values)
    span = best[-1] - best[0]
    left = (best[-1] - best[:-1]) / (span if span > 0 else 1)
    found = np.zeros(len(order), np.float32)
    found[order] = left
    return found
