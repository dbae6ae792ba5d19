"""Explaining a reply of a serving engine, from its token ids and last-layer states."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import torch

from tam.capture.memory import memory_errors
from tam.capture.run import Run
from tam.errors import InputError
from tam.explanation.explanation import Explanation
from tam.families.checkpoint import Checkpoint
from tam.model.explaining import explain_recording
from tam.model.options import Asked, Explaining, Opening, Question, asked
from tam.recording.limits import check_limits
from tam.recording.lm_head import LMHead
from tam.recording.prepared import Prepared, prepare
from tam.recording.recording import CANDIDATES, Recording, recorded, with_candidates
from tam.replay.layers import final_norm
from tam.served.fitting import check_agreement, check_ids, rows
from tam.served.partial import load_ends
from tam.served.reply import ServedReply, read_reply
from tam.served.states import ServedStates, read_states

# Number of states that go through the LM head at once; its output spans the whole vocabulary.
_CHUNK = 64


class Serving(Explaining, Opening, total=False):
    """Options for explaining a reply of a serving engine.

    Parameters
    ----------
    candidate_maps
        How many candidates of each step get their own map, from 0 to 8.
    template_variables
        Variables of the model's chat template, as passed to the engine.
    """

    candidate_maps: int
    template_variables: dict[str, Any]


def from_states(
    question: Question,
    *,
    answer: str | Path,
    states: str | Path,
    model: str | Path | Checkpoint,
    revision: str | None = None,
    dtype: str | None = None,
    **options: Unpack[Serving],
) -> Explanation:
    """Explain a reply that a serving engine wrote, without running the model in this process.

    Only the processor, the final norm and the LM head of the checkpoint are read.

    Parameters
    ----------
    question
        Media and prompt, or a conversation, as sent to the engine.
    answer
        File of the reply; see :func:`tam.served.reply.read_reply`.
    states
        File of the states; see :mod:`tam.served.states`.
    model, revision, dtype
        As in :func:`tam.served.partial.load_ends`. ``model`` may also be its result, which can be
        reused for many replies.
    **options
        ``method``, ``candidate_maps``, ``template_variables``, ``sampling`` and more.

    Raises
    ------
    TamError
        If the states do not belong to this prompt, reply and model, or are incomplete.
    """
    reply = read_reply(Path(answer))
    served = read_states(Path(states), reply)
    with memory_errors():
        checkpoint = (
            model
            if isinstance(model, Checkpoint)
            else load_ends(model, revision=revision, dtype=dtype)
        )
        wanted = asked(checkpoint, options, Serving)
        _check(wanted)
        prepared = prepare(checkpoint, wanted.open(question), wanted.template)
        recording = _recording(checkpoint, prepared, reply, served)
        recording = with_candidates(recording, wanted.candidate_maps)
    return explain_recording(checkpoint, recording, wanted.method)


def _check(wanted: Asked) -> None:
    generation = sorted(set(wanted.generation) - {"max_new_tokens"})
    if generation:
        raise InputError(
            "the reply is already written", where=generation[0], remedy="leave the option out"
        )
    for part in (wanted.method.relevance, wanted.method):
        if part is None or not part.method.replays:
            continue
        raise InputError(
            "has to run the model again, but only its final norm and LM head are loaded",
            where=f"method {part.method.name}",
            remedy="use tam, eci, rgf or activation",
        )


def _recording(
    checkpoint: Checkpoint, prepared: Prepared, reply: ServedReply, served: ServedStates
) -> Recording:
    """Make the recording that a run of the model in this process would have made."""
    prompt, reply_ids = prepared.prompt.ids, np.array(reply.ids, np.int64)
    check_limits(checkpoint, prepared, len(reply_ids))
    check_ids(checkpoint.tokenizer, prompt, reply, served)
    norm = final_norm(checkpoint.module, checkpoint.adapter)
    states = rows(served, norm, len(prompt), len(reply_ids))
    probabilities, ids, best = _predictions(checkpoint, states[len(prompt) - 1 :], reply_ids)
    check_agreement(probabilities, reply, len(checkpoint.tokenizer), served.engine)
    most_probable = int((ids[:, 0] == reply_ids).sum())
    positions = np.union1d(
        prepared.request.wanted, np.arange(len(prompt) - 1, len(prompt) + len(reply_ids) - 1)
    )
    run = Run(
        ids=reply_ids,
        positions=positions,
        states=states[torch.from_numpy(positions)],
        probabilities=probabilities,
        sampled_probabilities=None,
        candidate_ids=ids,
        candidate_probabilities=best,
    )
    recording = recorded(checkpoint, prepared, run, reply.ids, {})
    note = (
        f"the states were computed by {served.engine}; according to them, {most_probable} of the "
        f"reply's {len(reply_ids)} tokens were the most probable ones at their steps"
    )
    provenance = dict(recording.trace.provenance)
    provenance["notes"] = [*provenance["notes"], note]
    provenance["states"] = {
        "engine": served.engine,
        "dtype": str(served.states.dtype).removeprefix("torch."),
        "normed": served.normed,
    }
    return replace(recording, trace=replace(recording.trace, provenance=provenance))


def _predictions(checkpoint: Checkpoint, states: torch.Tensor, reply: Any) -> tuple[Any, Any, Any]:
    """Return the reply's probabilities [n], and its candidates' ids and probabilities [n, C]."""
    head = LMHead(checkpoint.lm_head, checkpoint.module)
    config, reply_ids = checkpoint.module.config, torch.from_numpy(reply)
    parts = []
    with torch.no_grad():
        for chunk, tokens in zip(states.split(_CHUNK), reply_ids.split(_CHUNK), strict=True):
            logits = checkpoint.adapter.finished_logits(config, head.logits(chunk))
            probabilities = logits.softmax(-1)
            best = probabilities.topk(min(CANDIDATES, probabilities.shape[-1]))
            own = probabilities.gather(1, tokens[:, None])[:, 0]
            parts.append((own, best.indices, best.values))
    joined = [torch.cat(values).numpy() for values in zip(*parts, strict=True)]
    return joined[0], joined[1], joined[2]
