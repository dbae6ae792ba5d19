"""From a recording to its explanation, by any method."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tam.capture.memory import memory_errors
from tam.explanation.explanation import Explanation
from tam.families.checkpoint import Checkpoint
from tam.methods.table import explain
from tam.recording.grounding import grounding
from tam.recording.recording import Recording
from tam.replay import Replay


def explain_recording(
    checkpoint: Checkpoint,
    recording: Recording,
    *,
    kernel_size: int = 3,
    stages: bool = False,
    method: str = "tam",
    method_options: Mapping[str, Any] | None = None,
) -> Explanation:
    """Explain a run that was recorded earlier.

    Parameters
    ----------
    checkpoint
        The model that it was recorded with.
    recording
        The run.
    kernel_size, stages, method, method_options
        As in :meth:`tam.Model.explain`.
    """
    chosen = dict(method_options or {})
    if method == "tam":
        chosen = {"kernel_size": kernel_size, "stages": stages, **chosen}
    with memory_errors():
        result = explain(method, recording.trace, Replay(checkpoint, recording), **chosen)
        scores = grounding(recording.trace)
    return replace(result, token_grounding=scores)
