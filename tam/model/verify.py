"""Check on the user's own machine that a checkpoint is interpreted correctly.

``tam verify MODEL`` runs these checks.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from tam.errors import ConversationError, ModelError, TamError
from tam.explanation.explanation import Explanation
from tam.methods.token_activation import token_activation
from tam.model.explaining import explain_recording
from tam.model.model import Model
from tam.model.options import chosen
from tam.model.verify_prompts import thinking, times
from tam.prompt.conversation import Conversation, Turn, question
from tam.recording.batching import recordings
from tam.recording.recording import Recording
from tam.recording.trace import Trace
from tam.replay import Replay
from tam.testing import probe_layout, probe_picture

_SIZES = ((224, 336), (336, 224), (100, 640))
_PROMPT = "Describe this image."
_ANSWER = "a red circle and a blue square"
_STEPS = 8
_NEGLIGIBLE = 1e-6
"""Candidates with a lower probability are not compared."""
_ROUNDING, _QUANTISED = 1e-6, 0.05
"""The largest change that the layout probe counts as no change, with plain and with quantised
weights. 8-bit weights round all tokens of a picture together: by up to 0.022 in the small model,
where a token with changed pixels differs by 0.28 or more."""
_LAST = 128
"""The number of positions at the prompt's end whose states are compared with a plain pass."""

REPORT: Mapping[str, str] = {
    "run": "the model's own code or its processor: try its model card's example in transformers",
    "states": "the adapter's decoder: report the model type and transformers' version",
    "logits": "what the family does to its head's scores: report the model type and config.json",
    "forced": "the model's cache: report the model type and transformers' version",
    "layout": "the adapter's layout: report the model type and preprocessor_config.json",
    "times": "the processor's time stamps: report the model type and the line above",
    "thinking": "the chat template: report chat_template.jinja",
    "batch": "the model's padding: report the model type; --batch of single pictures is right",
    "quantised": "the quantising library: report its version and the line above",
    "chat": "the model's cache or its chat template: report the model type and the template",
    "maps": "nothing, if its weights are random; else report the model type",
}
"""The likely cause if a check fails, and what a bug report needs, by the name of the check."""


@dataclass(frozen=True)
class Check:
    """The result of one check.

    Parameters
    ----------
    name
        Its name.
    passed
        Whether it passed; None if it does not apply to the model.
    detail
        The measured values in words.
    figure
        The measured value that decides the result, or None.
    """

    name: str
    passed: bool | None
    detail: str
    figure: float | None = None

    @property
    def report(self) -> str:
        """The text of a bug report if the check failed; empty otherwise."""
        return REPORT[self.name] if self.passed is False else ""


Seen = tuple[bool | None, str, float | None]


def verify(model: Model) -> list[Check]:
    """Check everything that an explanation of this model relies on.

    Returns
    -------
    Ten checks: the recorded states are those that the LM head reads in a plain pass; the head
    computes the model's logits from them; reading an answer gives the same maps as writing it;
    vision tokens lie where the adapter places them (tested with attention disabled by hooks); the
    prompt states a clip's times correctly; a thinking model's template is followed; a batch gives
    the same maps as its prompts one at a time; a quantised head is read correctly; a chat that
    continues from its prefix cache equals a run from the start; the maps of a test picture are
    finite and not constant. A check that raises an error counts as failed.

    Raises
    ------
    ModelError
        If the model has no vision tokens.
    """
    if model.adapter.cross_attention:
        raise ModelError(
            "reads pictures only through cross-attention, so it has no vision tokens to check",
            where=model.adapter.family,
            remedy="compare its maps with those of the method occlusion",
        )
    talk = question([probe_picture(*_SIZES[0])], _PROMPT)
    # Markers in the reply are suppressed, because they are not explained.
    options: dict[str, Any] = {
        "max_new_tokens": _STEPS,
        "do_sample": False,
        "suppress_tokens": sorted(model.special_ids()),
    }
    try:
        recording = _recorded(model, talk, options)
        written = token_activation(recording.trace)
    except TamError as error:
        return [Check("run", False, str(error))]
    looks: Sequence[tuple[str, Callable[[], Seen]]] = (
        ("states", lambda: _states(model, recording)),
        ("logits", lambda: _logits(model, recording.trace)),
        ("forced", lambda: _forced(model, talk, written)),
        ("layout", lambda: _layout(model)),
        ("times", lambda: times(model.checkpoint)),
        ("thinking", lambda: thinking(model.checkpoint)),
        ("batch", lambda: _batch(model, options)),
        ("quantised", lambda: _quantised(model, recording.trace)),
        ("chat", lambda: _chat(model, talk, recording)),
        ("maps", lambda: _maps(written)),
    )
    return [_look(name, look) for name, look in looks]


def _recorded(model: Model, talk: Conversation, options: Mapping[str, Any]) -> Recording:
    """Let the model answer; if it writes only white space, let it read a given answer."""
    try:
        recording = model.run(talk, **options)
    except ConversationError as error:
        if error.where != "answer":
            raise
    else:
        text = recording.trace.text
        if any(token.word >= 0 for token in text.tokens[text.prompt_targets :]):
            return recording
    return model.run(talk, answer=_ANSWER)


def _look(name: str, look: Callable[[], Seen]) -> Check:
    try:
        return Check(name, *look())
    except TamError as error:
        return Check(name, False, str(error))


def _states(model: Model, recording: Recording) -> Seen:
    """Check that the recorded states are those that the head reads in a plain pass."""
    run = recording.run
    length = len(recording.prepared.prompt.ids) + len(run.ids)
    with torch.no_grad():
        read = Replay(model.checkpoint, recording).read_by_head(_LAST)
    first = length - len(read)
    # No state is recorded for the last token of a reply.
    wanted = run.positions[run.positions >= first]
    own = read[torch.from_numpy(wanted - first).to(read.device)].float()
    kept = run.at(wanted).float().to(own.device)
    gap = float((kept - own).abs().max() / own.abs().max())
    room = _room(run.states.dtype)
    return gap <= room, f"{len(wanted)} states are what the head reads to {gap:.1e}", gap


def _room(dtype: torch.dtype) -> float:
    """Return the tolerance for sums in a different order, relative to the largest value."""
    return 1e-4 if dtype == torch.float32 else 0.05


def _logits(model: Model, trace: Trace) -> Seen:
    """Check that the LM head computes the model's logits from the states, up to a constant."""
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
    # Rounding error relative to the largest logit: float32 has 24 bits, bfloat16 has eight.
    room = float(scores.abs().amax()) * (1e-5 if states.dtype == torch.float32 else 2**-7)
    worst = max(gaps, default=math.inf)
    detail = f"log-probabilities of {len(gaps)} candidates are the model's to {worst:.1e}"
    return worst <= max(room, 1e-5), detail, worst


def _forced(model: Model, talk: Conversation, written: Explanation) -> Seen:
    reply = [token.id for token in written.tokens[written.prompt_targets :]]
    return _same_maps(model.explain_conversation(talk, answer=reply), written)


def _same_maps(found: Explanation, wanted: Explanation) -> Seen:
    difference = float(np.abs(found.maps - wanted.maps).max())
    room = 1e-3 if wanted.provenance["dtype"] == "float32" else 0.1
    detail = f"maps differ by {difference:.1e} of the scale from 0 to 1"
    return difference <= room, detail, difference


def _layout(model: Model) -> Seen:
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
    blocks = [result for report in reports for result in report.results]
    told = f"{len(blocks)} blocks: {missed} tokens missed, {unexpected} unexpected"
    if model.adapter.convolutional:
        told += "; judged by the centres of their changes, for the tower is convolutional"
    return all(report.passed for report in reports), told, float(missed + unexpected)


def _batch(model: Model, options: Mapping[str, Any]) -> Seen:
    """Check that two prompts of different lengths give the same maps together as alone."""
    if not model.adapter.batches:
        return None, "its prompts cannot be padded; a batch is answered one by one", None
    talks = [
        question([probe_picture(*_SIZES[0])], "What is this"),
        question([probe_picture(*_SIZES[0], seed=1)], f"{_PROMPT} What else is there to see?"),
    ]
    found = list(recordings(model.checkpoint, [partial(copy, talk) for talk in talks], 2, options))
    gaps = []
    for item, talk in zip(found, talks, strict=True):
        if isinstance(item, TamError):
            if item.where == "answer":
                continue
            raise item
        alone = _recorded(model, talk, options).trace.vision_states.float()
        gaps.append(
            float((item.trace.vision_states.float() - alone).abs().max()) / float(alone.abs().max())
        )
    if not gaps:
        return None, "the model wrote white space alone", None
    worst = max(gaps)
    room = _room(model.module.dtype) if not model.provenance["quantisation"] else _QUANTISED
    return worst <= room, f"states are those of each prompt alone to {worst:.1e}", worst


def _quantised(model: Model, trace: Trace) -> Seen:
    """Check that the scores of a few rows of the head equal those of the whole head."""
    how = model.provenance["quantisation"]
    states = trace.context_states
    ids = torch.from_numpy(np.unique(trace.text.ids))
    rows = trace.lm_head.reads_rows(states[-1:])
    with torch.no_grad():
        whole = trace.lm_head.logits(states)[:, ids.to(states.device)]
        bias = getattr(model.checkpoint.lm_head, "bias", None)
        if isinstance(bias, torch.Tensor):
            whole = whole - bias[ids.to(bias.device)].float().to(whole.device)
        scores = trace.lm_head.scores(ids, states)
    gap = float((scores - whole).abs().max() / whole.abs().max().clamp_min(1e-30))
    read = "its head is read by rows" if rows else "its head is run as it is"
    told = f"{how or 'not quantised'}; {read}, right to {gap:.1e}"
    return gap <= _room(states.dtype), told, gap


def _chat(model: Model, talk: Conversation, first: Recording) -> Seen:
    """Check that a second turn over the first one's cache equals a run from the start."""
    said = Turn("assistant", (_ANSWER,))
    longer = Conversation((*talk.turns, said, Turn("user", ("And what else?",))))
    cache = model.run(talk, answer=_ANSWER).run.prefix_cache
    method = chosen({})
    found = [
        explain_recording(
            model.checkpoint, model.run(longer, answer=_ANSWER, prefix_cache=given), method
        )
        for given in (cache, None)
    ]
    passed, told, figure = _same_maps(*found)
    words = len(found[0].prompt_words)
    whole = "" if cache is not None else "; each turn is run from the start"
    return passed, f"{words} earlier words found; {told}{whole}", figure


def _maps(written: Explanation) -> Seen:
    reply = written.maps[written.prompt_targets :]
    finite = bool(np.isfinite(reply).all())
    varied = int((np.ptp(reply, axis=1) > 0).sum())
    told = f"{varied} of {len(reply)} maps vary over the picture"
    return finite and varied > 0, told, float(varied)
