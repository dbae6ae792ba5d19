"""Checks that a checkpoint is interpreted correctly, on the user's own machine.

``tam verify MODEL`` runs them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from tam.errors import TamError
from tam.explanation.explanation import Explanation
from tam.methods.token_activation import token_activation
from tam.model.model import Model
from tam.prompt.conversation import question
from tam.recording.trace import Trace
from tam.testing import probe_layout, probe_picture

_SIZES = ((224, 336), (336, 224), (100, 640))
_PROMPT = "Describe this image."
_STEPS = 8
_NEGLIGIBLE = 1e-6
"""Candidates with a lower probability are not compared."""
_ROUNDING, _QUANTISED = 1e-6, 0.05
"""The largest change that the layout probe takes for none. 8-bit weights round all tokens of a
picture together: by up to 0.022 in the small model, where a token with changed pixels differs by
0.28 or more."""


@dataclass(frozen=True)
class Check:
    """One check: its name, whether it passed, and the measured values in words."""

    name: str
    passed: bool
    detail: str


def verify(model: Model) -> list[Check]:
    """Check everything that an explanation of this model relies on.

    Returns
    -------
    Four checks: the LM head gives the model's logits from the kept states; reading an answer gives
    the maps of writing it; vision tokens lie where the adapter places them (attention switched off
    by hooks); the maps of a test picture are finite and not constant. A check that raises an error
    has failed.
    """
    picture = probe_picture(*_SIZES[0])
    talk = question([picture], _PROMPT)
    # No markers in the reply: they are not explained.
    markers = sorted(model.special_ids())
    try:
        trace = model.record(talk, max_new_tokens=_STEPS, do_sample=False, suppress_tokens=markers)
        written = token_activation(trace)
    except TamError as error:
        return [Check("run", False, str(error))]
    reply = [token.id for token in written.tokens[written.prompt_targets :]]
    return [
        _look("states", lambda: _states(model, trace)),
        _look("forced", lambda: _forced(written, model.explain_conversation(talk, answer=reply))),
        _look("layout", lambda: _layout(model)),
        _look("maps", lambda: _maps(written)),
    ]


def _look(name: str, check: Callable[[], tuple[bool, str]]) -> Check:
    try:
        return Check(name, *check())
    except TamError as error:
        return Check(name, False, str(error))


def _states(model: Model, trace: Trace) -> tuple[bool, str]:
    """Whether the LM head gives the model's logits from the kept states, up to a constant."""
    states = trace.context_states[trace.text.prompt_targets :]
    with torch.no_grad():
        scores = trace.lm_head.logits(states)
        scores = model.adapter.finished_logits(model.module.config, scores)
    told = scores.log_softmax(-1).cpu().tolist()
    gaps = [
        abs(row[candidate.id] - math.log(candidate.probability))
        for row, step in zip(told, trace.predictions, strict=True)
        for candidate in step.candidates
        if candidate.probability > _NEGLIGIBLE
    ]
    # Rounding relative to the largest logit: float32 has 24 bits, bfloat16 eight.
    room = float(scores.abs().amax()) * (1e-5 if states.dtype == torch.float32 else 2**-7)
    worst = max(gaps, default=math.inf)
    detail = f"log-probabilities of {len(gaps)} candidates equal the model's to {worst:.1e}"
    return worst <= max(room, 1e-5), detail


def _forced(written: Explanation, read: Explanation) -> tuple[bool, str]:
    difference = float(np.abs(written.maps - read.maps).max())
    room = 1e-3 if written.provenance["dtype"] == "float32" else 0.1
    return difference <= room, f"largest difference {difference:.1e} of the scale from 0 to 1"


def _layout(model: Model) -> tuple[bool, str]:
    reports = [
        probe_layout(
            model.module,
            model.processor,
            [probe_picture(*size)],
            adapter=model.adapter,
            tolerance=_QUANTISED if model.provenance["quantisation"] else _ROUNDING,
        )
        for size in _SIZES
    ]
    missed = sum(report.missed for report in reports)
    unexpected = sum(report.unexpected for report in reports)
    blocks = sum(len(report.results) for report in reports)
    told = f"{blocks} blocks: {missed} tokens missed, {unexpected} unexpected"
    return all(report.passed for report in reports), told


def _maps(written: Explanation) -> tuple[bool, str]:
    reply = written.maps[written.prompt_targets :]
    finite = bool(np.isfinite(reply).all())
    varied = int((np.ptp(reply, axis=1) > 0).sum())
    return finite and varied > 0, f"{varied} of {len(reply)} maps vary over the picture"
