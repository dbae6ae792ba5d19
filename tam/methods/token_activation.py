"""Token Activation Map (arXiv 2506.23270)."""

import math
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tam.defaults import KERNEL_SIZE
from tam.engine.maps import maps_from_scores, maps_of_run
from tam.engine.result import TokenActivationMaps
from tam.explanation.explanation import Explanation, Stages
from tam.methods.result import Targets, build_explanation, keep_targets
from tam.recording.trace import Trace
from tam.replay import Replay


def token_activation(
    trace: Trace,
    replay: Replay | None = None,
    targets: Targets = None,
    *,
    kernel_size: int = KERNEL_SIZE,
    eci_cap: float | None = None,
    stages: bool = False,
) -> Explanation:
    """Explain a recorded run with the Token Activation Map.

    Cost: no forward pass, one matrix product of the kept states with the targets' head rows, and
    the engine's arithmetic over [K, N].

    Parameters
    ----------
    trace
        The recorded run, with N vision cells and K targets.
    replay
        Not used.
    targets
        Indices of the targets to explain; None for all.
    kernel_size
        Odd side of the filter's window, in cells.
    eci_cap
        The largest scale s at which the interference of earlier words is subtracted, 0 or more;
        None for no limit, as published.
    stages
        Also keep the maps before scaling and filtering.

    Returns
    -------
    The explanation with maps [K, N], and with the candidates' maps if the trace has their scores.
    """
    # The candidates' maps need the activations of the earlier words.
    result = engine_maps(
        trace,
        trace.text.ids,
        kernel_size,
        eci_cap=as_cap(eci_cap),
        stages=stages or trace.candidate_scores is not None,
    )
    explanation = replace(
        build_explanation(
            trace,
            as_numpy(result.maps),
            as_numpy(result.text_scores),
            as_numpy(result.relevance),
            provenance_of(kernel_size, eci_cap),
        ),
        stages=Stages(as_numpy(result.activation), as_numpy(result.after_eci)) if stages else None,
        candidate_maps=_candidate_maps(trace, result, kernel_size, as_cap(eci_cap)),
    )
    return keep_targets(explanation, trace, targets)


def provenance_of(kernel_size: int, eci_cap: float | None) -> dict[str, Any]:
    """Return the method and its options, for the provenance."""
    capped = {} if eci_cap is None else {"eci_cap": eci_cap}
    return {"name": "tam", "kernel_size": kernel_size, **capped}


def as_cap(eci_cap: float | None) -> float:
    """Return the engine's limit on the scale: infinity for None."""
    return math.inf if eci_cap is None else float(eci_cap)


def engine_maps(
    trace: Trace,
    classes: NDArray[np.int64],
    kernel_size: int,
    *,
    eci_cap: float = math.inf,
    stages: bool,
) -> TokenActivationMaps:
    """Run the engine on a recorded run, with the LM-head rows of the class ids [K]."""
    return maps_of_run(
        partial(trace.lm_head.scores, torch.from_numpy(classes), trace.states),
        trace.cells,
        trace.text.ids,
        trace.vision.filter_grids,
        trace.text.prompt_targets,
        kernel_size,
        eci_cap=eci_cap,
        stages=stages,
    )


def _candidate_maps(
    trace: Trace, result: TokenActivationMaps, kernel_size: int, eci_cap: float
) -> np.ndarray[Any, np.dtype[np.float32]] | None:
    """Return the map that each candidate would have if it had been written, float32 [R, C, N]."""
    if trace.candidate_scores is None:
        return None
    cells, targets = trace.cells, len(trace.text.tokens)
    replies = targets - trace.text.prompt_targets
    count = trace.candidate_scores.shape[1] // replies
    ids = [candidate.id for step in trace.predictions for candidate in step.candidates[:count]]
    steps = np.repeat(np.arange(trace.text.prompt_targets, targets), count)
    scores = trace.candidate_scores.relu()
    maps = maps_from_scores(
        result.activation.T,
        scores[:cells],
        scores[cells:],
        trace.text.ids,
        ids,
        steps,
        steps,
        trace.vision.filter_grids,
        kernel_size,
        eci_cap=eci_cap,
    ).maps
    return as_numpy(maps).reshape(replies, count, cells)


def as_numpy(values: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return a result of the engine as a contiguous array."""
    array: np.ndarray[Any, np.dtype[np.float32]] = values.cpu().numpy()
    return np.ascontiguousarray(array)
