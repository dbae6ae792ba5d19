"""The explanation of a reply written elsewhere, from its token ids and last-layer states."""

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

# States that the LM head scores at once; its output spans the whole vocabulary.
_CHUNK = 64


class Serving(Explaining, Opening, total=False):
    """Options of a reply that was written elsewhere.

    Parameters
    ----------
    candidate_maps
        How many of each step's candidates get a map of their own, from 0 to 8.
    template_variables
        Variables of the model's chat template, as they were given to the engine.
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
    """Explain a reply that a serving engine wrote, without running the model here.

    Only the processor, the final norm and the LM head of the checkpoint are read.

    Parameters
    ----------
    question
        Media and prompt, or a conversation, as they were given to the engine.
    answer
        File of the reply, see :func:`tam.served.reply.read_reply`.
    states
        File of the states, see :mod:`tam.served.states`.
    model, revision, dtype
        As in :func:`tam.served.partial.load_ends`, whose result can serve many replies.
    **options
        ``method``, ``candidate_maps``, ``template_variables``, ``sampling`` and more.

    Raises
    ------
    TamError
        If the states do not belong to this prompt, reply and model, or are incomplete.
    """
    told = read_reply(Path(answer))
    served = read_states(Path(states), told)
    with memory_errors():
        checkpoint = (
            model
            if isinstance(model, Checkpoint)
            else load_ends(model, revision=revision, dtype=dtype)
        )
        wanted = asked(checkpoint, options, Serving)
        _check(wanted)
        prepared = prepare(checkpoint, wanted.open(question), wanted.template)
        recording = _recording(checkpoint, prepared, told, served)
        recording = with_candidates(recording, wanted.candidate_maps)
    return explain_recording(checkpoint, recording, wanted.method)


def _check(wanted: Asked) -> None:
    written = sorted(set(wanted.generation) - {"max_new_tokens"})
    if written:
        raise InputError(
            "the reply is written already", where=written[0], remedy="leave the option out"
        )
    for part in (wanted.method.relevance, wanted.method):
        if part is None or not part.method.replays:
            continue
        raise InputError(
            "runs the model again, which is elsewhere",
            where=f"method {part.method.name}",
            remedy="use tam, eci, rgf or activation",
        )


def _recording(
    checkpoint: Checkpoint, prepared: Prepared, told: ServedReply, served: ServedStates
) -> Recording:
    """Make the recording of a run as if the model had run here."""
    prompt, reply = prepared.prompt.ids, np.array(told.ids, np.int64)
    check_limits(checkpoint, prepared, len(reply))
    check_ids(checkpoint.tokenizer, prompt, told, served)
    norm = final_norm(checkpoint.module, checkpoint.adapter)
    found = rows(served, norm, len(prompt), len(reply))
    probabilities, ids, best = _predictions(checkpoint, found[len(prompt) - 1 :], reply)
    check_agreement(probabilities, told, len(checkpoint.tokenizer), served.engine)
    likeliest = int((ids[:, 0] == reply).sum())
    positions = np.union1d(
        prepared.request.wanted, np.arange(len(prompt) - 1, len(prompt) + len(reply) - 1)
    )
    run = Run(
        ids=reply,
        positions=positions,
        states=found[torch.from_numpy(positions)],
        probabilities=probabilities,
        sampled_probabilities=None,
        candidate_ids=ids,
        candidate_probabilities=best,
    )
    recording = recorded(checkpoint, prepared, run, told.ids, {})
    note = (
        f"the states were computed elsewhere ({served.engine}); by them {likeliest} of the reply's "
        f"{len(reply)} tokens are the most probable ones"
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
    """Probabilities [n] of the reply's tokens; ids and probabilities [n, C] of the likeliest."""
    head = LMHead(checkpoint.lm_head, checkpoint.module)
    config, written = checkpoint.module.config, torch.from_numpy(reply)
    parts = []
    with torch.no_grad():
        for own, tokens in zip(states.split(_CHUNK), written.split(_CHUNK), strict=True):
            scores = checkpoint.adapter.finished_logits(config, head.logits(own))
            shares = scores.softmax(-1)
            best = shares.topk(min(CANDIDATES, shares.shape[-1]))
            parts.append((shares.gather(1, tokens[:, None])[:, 0], best.indices, best.values))
    found = [torch.cat(values).numpy() for values in zip(*parts, strict=True)]
    return found[0], found[1], found[2]
