"""The other rows of the published ablation: the Token Activation Map without some of its steps.

All four rows (none, ECI, RGF, both) share the projection and the joint scaling with the text
scores, so they differ only in the named steps. None of them runs the model again.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from tam.defaults import KERNEL_SIZE
from tam.engine.maps import maps_from_scores
from tam.explanation.explanation import Explanation
from tam.methods.result import Targets, build_explanation, keep_targets
from tam.recording.trace import Trace
from tam.replay import Replay


def activation(trace: Trace, replay: Replay | None = None, targets: Targets = None) -> Explanation:
    """The raw activation ``relu(<h[p], W[y]>)``: a class activation map of the last layer.

    It equals the logit lens at the last layer (:func:`tam.methods.logit_lens.logit_lens`).
    Source: the method with neither step, arXiv 2506.23270. Maps [K, N], scaled jointly with
    the text scores. Cost: one matrix product [N, D] × [D, K].
    """
    return _part(trace, targets, "activation", eci=False, kernel_size=None)


def eci(trace: Trace, replay: Replay | None = None, targets: Targets = None) -> Explanation:
    """The activation after estimated causal inference, not filtered (arXiv 2506.23270).

    Maps [K, N], scaled jointly with the text scores. Cost: that of :func:`activation`.
    """
    return _part(trace, targets, "eci", eci=True, kernel_size=None)


def rgf(
    trace: Trace,
    replay: Replay | None = None,
    targets: Targets = None,
    *,
    kernel_size: int = KERNEL_SIZE,
) -> Explanation:
    """The activation after the rank Gaussian filter, without causal inference (2506.23270).

    Maps [K, N], scaled jointly with the text scores. Cost: as :func:`activation`.

    Parameters
    ----------
    trace, replay, targets
        See :mod:`tam.methods`.
    kernel_size
        Odd size of the filter's window.
    """
    return _part(trace, targets, "rgf", eci=False, kernel_size=kernel_size)


def _part(
    trace: Trace, targets: Targets, name: str, *, eci: bool, kernel_size: int | None
) -> Explanation:
    scores = trace.lm_head.scores(torch.from_numpy(trace.text.ids), trace.states)
    options = {} if kernel_size is None else {"kernel_size": kernel_size}
    maps = from_scores(trace, scores, eci=eci, kernel_size=kernel_size or 1)
    return keep_targets(build_explanation(trace, *maps, {"name": name, **options}), trace, targets)


def from_scores(
    trace: Trace, scores: torch.Tensor, *, eci: bool = False, kernel_size: int = 1
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Compute maps [K, N], text scores and relevance [K, K] from scores, with or without ECI.

    Parameters
    ----------
    scores
        Float [N + K, K] without ReLU: the cells' scores, then those of the context positions.
    eci
        Remove the interference of earlier words (estimated causal inference).
    kernel_size
        Odd size of the filter's window; 1 leaves the maps unchanged.
    """
    cells, index = len(trace.vision.positions), np.arange(scores.shape[1])
    scores = scores.relu()
    result = maps_from_scores(
        scores[:cells],
        scores[:cells],
        scores[cells:],
        trace.text.ids,
        trace.text.ids,
        index if eci else np.zeros_like(index),
        np.maximum(index, trace.text.prompt_targets),
        trace.vision.filter_grids,
        kernel_size,
    )
    maps, text, relevance = (
        np.ascontiguousarray(value.float().cpu().numpy())
        for value in (result.maps, result.text_scores, result.relevance)
    )
    return maps, text, relevance
