"""Token Activation Map (arXiv 2506.23270)."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from tam.defaults import KERNEL_SIZE
from tam.engine.maps import TokenActivationMaps, maps_from_scores, token_activation_maps
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
    stages: bool = False,
) -> Explanation:
    """Explain a recorded run.

    Costs no forward pass: one matrix product of the kept states with the targets' head rows, and
    the engine's arithmetic over [K, N].

    Parameters
    ----------
    trace
        The run; N vision cells, K targets.
    replay
        Not used.
    targets
        Those that are explained; all where it is None.
    kernel_size
        Odd size of the filter's window.
    stages
        Keep the maps before scaling and filtering.

    Returns
    -------
    The explanation with maps [K, N], and with the candidates' maps where the trace has their
    scores.
    """
    # The candidates' maps need the activation of the words before them.
    result = engine_maps(trace, kernel_size, stages=stages or trace.candidate_scores is not None)
    method = {"name": "tam", "kernel_size": kernel_size}
    explanation = replace(
        build_explanation(
            trace,
            as_numpy(result.maps),
            as_numpy(result.text_scores),
            as_numpy(result.relevance),
            method,
        ),
        stages=Stages(as_numpy(result.activation), as_numpy(result.after_eci)) if stages else None,
        candidate_maps=_candidate_maps(trace, result, kernel_size),
    )
    return keep_targets(explanation, trace, targets)


def engine_maps(trace: Trace, kernel_size: int, *, stages: bool) -> TokenActivationMaps:
    """Run the engine on what was recorded: the head's rows where there are any, else its scores."""
    if trace.head_rows is None:
        return _from_scores(trace, kernel_size, stages=stages)
    return _from_states(trace, trace.head_rows, kernel_size, stages=stages)


def _from_states(
    trace: Trace, rows: torch.Tensor, kernel_size: int, *, stages: bool
) -> TokenActivationMaps:
    cells, targets = len(trace.vision_states), len(rows)
    states = torch.cat([trace.vision_states, trace.context_states])
    return token_activation_maps(
        states,
        rows.to(states.device),
        np.arange(cells),
        np.arange(cells, cells + targets),
        trace.text.ids,
        trace.vision.filter_grids,
        trace.text.prompt_targets,
        kernel_size,
        stages=stages,
    )


def _from_scores(trace: Trace, kernel_size: int, *, stages: bool) -> TokenActivationMaps:
    assert trace.scores is not None
    cells = len(trace.vision_states)
    scores = trace.scores.relu()
    index = np.arange(scores.shape[1])
    return maps_from_scores(
        scores[:cells],
        scores[:cells],
        scores[cells:],
        trace.text.ids,
        trace.text.ids,
        index,
        np.maximum(index, trace.text.prompt_targets),
        trace.vision.filter_grids,
        kernel_size,
        stages=stages,
    )


def _candidate_maps(
    trace: Trace, result: TokenActivationMaps, kernel_size: int
) -> np.ndarray[Any, np.dtype[np.float32]] | None:
    """float32 [R, C, N]: what the maps would be, had a candidate been written at each step."""
    if trace.candidate_scores is None:
        return None
    cells, targets = len(trace.vision_states), len(trace.text.tokens)
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
    ).maps
    return as_numpy(maps).reshape(replies, count, cells)


def as_numpy(values: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Give a result of the engine as a contiguous array."""
    array: np.ndarray[Any, np.dtype[np.float32]] = values.cpu().numpy()
    return np.ascontiguousarray(array)
