"""Does the toolkit read a checkpoint rightly? Asked of the checkpoint itself.

No checkpoint is taken on trust: anyone can hold the toolkit to one on their own machine with
``tam verify MODEL``.
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
"""Candidates of less probability are not compared."""
_ROUNDING, _QUANTISED = 1e-6, 0.05
"""What the layout probe takes for no change. 8 bits round all tokens of a picture together: of the
small model by up to 0.022, where a token whose pixels change differs by 0.28 at least."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: its name, whether it holds, and what was seen."""

    name: str
    passed: bool
    detail: str


def verify(model: Model) -> list[Check]:
    """Look at everything that an explanation of this model relies on.

    Returns
    -------
    Four checks: the LM head makes the model's logits of the kept states; reading an answer gives
    the maps of writing it; vision tokens lie where the adapter says (attention switched off by
    hooks); the maps of a test picture are finite and not constant. What raises an error has not
    passed.
    """
    picture = probe_picture(*_SIZES[0])
    talk = question([picture], _PROMPT)
    # Words alone: a marker would be written, but not explained.
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
    """The head makes of each kept state the logits that the model had, up to a constant."""
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
    # Of the largest logit, what a dtype keeps: float32 has 24 bits, bfloat16 eight.
    room = float(scores.abs().amax()) * (1e-5 if states.dtype == torch.float32 else 2**-7)
    worst = max(gaps, default=math.inf)
    detail = f"log-probabilities of {len(gaps)} candidates are the model's to {worst:.1e}"
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
