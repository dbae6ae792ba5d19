"""Token Activation Map (arXiv 2506.23270)."""

from typing import Any

import numpy as np
import torch

from tam.engine import TokenActivationMaps, maps_from_scores, token_activation_maps
from tam.explanation import Explanation
from tam.trace import Trace


def token_activation(trace: Trace, *, kernel_size: int = 3) -> Explanation:
    """Explain a recorded run.

    Costs no forward pass: one matrix product of the kept states with the targets' head rows, and
    the engine's arithmetic over [K, N].

    Parameters
    ----------
    trace
        The run; N vision cells, K targets.
    kernel_size
        Odd size of the filter's window.

    Returns
    -------
    The explanation with maps [K, N].
    """
    result = (
        _from_scores(trace, kernel_size)
        if trace.head_rows is None
        else _from_states(trace, trace.head_rows, kernel_size)
    )
    return Explanation(
        media=trace.media,
        tokens=trace.text.tokens,
        prompt_targets=trace.text.prompt_targets,
        predictions=trace.predictions,
        grids=trace.vision.grids,
        maps=_numpy(result.maps),
        text_scores=_numpy(result.text_scores),
        relevance=_numpy(result.relevance),
        provenance={
            **trace.provenance,
            "method": {"name": "tam", "kernel_size": kernel_size},
        },
    )


def _from_states(trace: Trace, rows: torch.Tensor, kernel_size: int) -> TokenActivationMaps:
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
    )


def _from_scores(trace: Trace, kernel_size: int) -> TokenActivationMaps:
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
    )


def _numpy(values: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
    array: np.ndarray[Any, np.dtype[np.float32]] = values.cpu().numpy()
    return np.ascontiguousarray(array)
