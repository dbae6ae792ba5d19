"""Token Activation Map that takes out only earlier words whose predictions differ (ARC)."""

import numpy as np
import torch
from numpy.typing import NDArray

from tam.defaults import KERNEL_SIZE
from tam.engine.maps import maps_from_scores
from tam.errors import InputError
from tam.explanation.explanation import Explanation
from tam.methods.options import check_whole
from tam.methods.parts import from_scores
from tam.methods.result import Targets, build_explanation, keep_targets
from tam.recording.trace import Trace
from tam.replay import Replay

# The number of states that go through the whole head at once; each output spans the vocabulary.
_CHUNK = 64


def arc(
    trace: Trace,
    replay: Replay,
    targets: Targets = None,
    *,
    depth: int = 50,
    persistence: float = 0.9,
    kernel_size: int = KERNEL_SIZE,
) -> Explanation:
    """Explain like ``tam``, but keep what earlier words with similar predictions share.

    Estimated causal inference (arXiv 2506.23270) subtracts from a word's map the weighted mean of
    the maps of earlier words, with the weights ``X[i, t]``. Here the weights are ``X[i, t] (1 -
    RBO[i, t])``: a word that makes the model predict the same next words is coherent with the
    explained one, and its heat is kept; that of an unrelated word is taken out. RBO is the
    rank-biased overlap (Webber et al. 2010, doi 10.1145/1852102.1852106) of the ``depth`` words
    that the model ranks highest at both context positions, see :func:`rank_biased_overlap`.

    Source: the idea of activation ranking correlation (ARC, Liang et al. 2025, arXiv 2509.22415),
    which compares the first 50 predictions by RBO to suppress heat from unrelated words. How the
    overlap enters the weights, and ``persistence``, are this toolkit's choice. Joint scaling, the
    rank filter and the relevance of earlier words are those of ``tam``. Maps [K, N]. Cost: no pass;
    one product of the targets' states with the whole head, [K, D] × [D, V].

    Parameters
    ----------
    trace, replay, targets
        See :mod:`tam.methods`.
    depth
        How many predictions are compared.
    persistence
        Weight of each rank relative to the one before, above 0 and below 1.
    kernel_size
        Odd size of the filter's window.
    """
    check_whole("depth", depth)
    if not 0 < persistence < 1:
        raise InputError(
            f"{persistence!r} is not possible",
            where="persistence",
            remedy="give a number above 0 and below 1",
        )
    scores = trace.lm_head.scores(torch.from_numpy(trace.text.ids), trace.states)
    overlap = rank_biased_overlap(predictions(trace, depth), persistence)
    unlike = 1 - torch.from_numpy(overlap).to(scores)
    residual = _residual(trace, scores.relu(), unlike)
    rest = torch.cat([residual.to(scores), scores[trace.cells :]])
    maps = from_scores(trace, rest, kernel_size=kernel_size)
    options = {"depth": depth, "persistence": persistence, "kernel_size": kernel_size}
    method = {"name": "arc", **options}
    return keep_targets(build_explanation(trace, *maps, method), trace, targets)


def _residual(trace: Trace, scores: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Return the cells' scores [N, K] after causal inference with weighted text scores.

    Parameters
    ----------
    scores
        [N + K, K]: positive scores.
    weights
        [K, K]: factors of the text scores.
    """
    cells, index = trace.cells, np.arange(scores.shape[1])
    result = maps_from_scores(
        scores[:cells],
        scores[:cells],
        scores[cells:] * weights,
        trace.text.ids,
        trace.text.ids,
        index,
        index,
        trace.vision.filter_grids,
        1,
        stages=True,
    )
    residual: torch.Tensor = result.after_eci.T
    return residual


def predictions(trace: Trace, depth: int) -> NDArray[np.int64]:
    """Return the ids that the model ranks highest at each context position, best first.

    Returns
    -------
    ndarray
        int64 [K, k]: k is ``depth``, or the size of the vocabulary if that is smaller.
    """
    found = []
    with torch.no_grad():
        for chunk in trace.context_states.split(_CHUNK):
            logits = trace.lm_head.logits(chunk)
            found.append(logits.topk(min(depth, logits.shape[1])).indices.cpu())
    ranked: NDArray[np.int64] = torch.cat(found).numpy()
    return ranked


def rank_biased_overlap(rankings: NDArray[np.int64], persistence: float) -> NDArray[np.float32]:
    """Compare rankings by the share of common ids among the first d, for every depth d.

    ``RBO[a, b] = (1 - p) / (1 - p^k) sum_{d=1..k} p^(d - 1) |first d of a ∩ first d of b| / d``
    (Webber et al. 2010, eq. 7, cut at depth k), so that equal rankings have 1.

    Parameters
    ----------
    rankings
        int64 [K, k]: different ids from 0 on, best first.
    persistence
        p, above 0 and below 1: the weight of each depth relative to the one before.

    Returns
    -------
    ndarray
        float32 [K, K], symmetric, from 0 to 1.
    """
    count, depth = rankings.shape
    steps = np.arange(depth)
    shares = persistence**steps / (steps + 1)
    shares *= (1 - persistence) / (1 - persistence**depth)
    # An id at the ranks r and s of two rankings is common from the depth of the larger one on.
    common_from = np.append(np.cumsum(shares[::-1])[::-1], 0)
    rank_of = np.full(int(rankings.max(initial=0)) + 1, depth)
    found = np.zeros((count, count), np.float32)
    for row, ranking in enumerate(rankings):
        rank_of[ranking] = steps
        found[row] = common_from[np.maximum(rank_of[rankings], steps)].sum(1)
        rank_of[ranking] = depth
    return found
