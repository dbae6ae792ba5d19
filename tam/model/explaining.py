"""Explain a recording by any method."""

from dataclasses import replace

from tam.capture.memory import memory_errors
from tam.explanation.calibration import WEIGHTS_KEY
from tam.explanation.explanation import Explanation
from tam.families.checkpoint import Checkpoint
from tam.methods.choosing import Chosen
from tam.recording.grounding import grounding, weights_for
from tam.recording.recording import Recording
from tam.replay import Replay


def explain_recording(checkpoint: Checkpoint, recording: Recording, method: Chosen) -> Explanation:
    """Explain a run that was recorded earlier.

    Parameters
    ----------
    checkpoint
        The model that produced the recording.
    recording
        The recorded run.
    method
        The method with its options, from :func:`tam.model.options.chosen`.
    """
    with memory_errors():
        result = method.run(recording.trace, Replay(checkpoint, recording))
        crossed = recording.trace.vision.cross_attention
        if crossed:
            return result
        scores = grounding(recording.trace)
    weights = {WEIGHTS_KEY: list(weights_for(recording.trace))}
    return replace(result, token_grounding=scores, provenance={**result.provenance, **weights})
