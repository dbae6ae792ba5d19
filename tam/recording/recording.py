"""Recording of one run of a model on a conversation, including the trace that methods read."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tam import capture
from tam.capture.refusals import attributed_errors
from tam.capture.settings import generation_settings
from tam.errors import ConversationError, InputError, TamError
from tam.explanation.explanation import Candidate, Prediction
from tam.families.checkpoint import Checkpoint
from tam.geometry.layout import TextLayout
from tam.progress import progress
from tam.prompt.encoding import word_count
from tam.recording.answers import Answer, answer_ids
from tam.recording.ending import cut_note, is_cut, stop_strings
from tam.recording.limits import check_limits, new_tokens_at_most, position_notes
from tam.recording.lm_head import LMHead
from tam.recording.prepared import Prepared, special_ids
from tam.recording.reply_tokens import reply_tokens
from tam.recording.trace import Trace
from tam.text.words import decode_pieces

__all__ = ["Recording"]

CANDIDATES = 8
"""The number of candidates kept for each token of a reply."""


@dataclass(frozen=True, eq=False, repr=False)
class Recording:
    """A conversation, the run that answered it, and its trace.

    Parameters
    ----------
    prepared
        The encoded conversation.
    run
        The states and probabilities that were kept.
    trace
        The part of the run that methods read.
    """

    prepared: Prepared
    run: capture.Run
    trace: Trace

    def __repr__(self) -> str:
        return f"<Recording of {self.prepared.conversation!r}: {self.trace!r}>"


def record(
    checkpoint: Checkpoint,
    prepared: Prepared,
    answer: Answer,
    options: Mapping[str, Any],
    seed: int | None = None,
    prefix_cache: capture.PrefixCache | None = None,
    on_token: capture.TokenCallback | None = None,
) -> Recording:
    """Run the model on one conversation.

    Parameters
    ----------
    checkpoint
        The model that answers.
    prepared
        The conversation.
    answer
        The reply to read, or None to let the model write one.
    options
        Options of transformers' ``generate``.
    seed
        Seed of a sampled reply.
    prefix_cache
        The cache of an earlier run of the same model, used if this conversation continues it.
    on_token
        Called for each token that the model writes, instead of a progress bar.
    """
    given = None if answer is None else answer_ids(checkpoint, answer)
    limit = new_tokens_at_most(checkpoint, prepared, options)
    check_limits(checkpoint, prepared, limit or 0 if given is None else len(given))
    request = prepared.request
    if prepared.vision.cross_attention:
        prefix_cache = None  # the keys of the pictures are no part of the sequence
    elif prefix_cache is not None:
        prefix_cache = prefix_cache.shared_with(request, int(prepared.vision.positions.max()))
    if given is None:
        total = options.get("max_new_tokens")
        with progress("Answering", total, shown=on_token is None) as tick:
            [run] = capture.generate(
                checkpoint.module,
                checkpoint.adapter,
                [request],
                candidates=CANDIDATES,
                tick=tick,
                options=_completed(checkpoint, prepared, options),
                seed=seed,
                prefix_cache=prefix_cache,
                on_token=on_token,
            )
    else:
        reply = torch.tensor(given, dtype=torch.int64)
        with (
            progress("Reading the answer", len(reply)) as tick,
            attributed_errors(checkpoint.module),
        ):
            run = capture.force(
                checkpoint.module,
                checkpoint.adapter,
                request,
                reply,
                candidates=CANDIDATES,
                tick=tick,
                prefix_cache=prefix_cache,
            )
    return recorded(checkpoint, prepared, run, answer, options)


def _completed(
    checkpoint: Checkpoint, prepared: Prepared, options: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Add the options that ``generate`` needs to the caller's options.

    Stop strings need the tokenizer. Prompt lookup drafts tokens that follow the reply's last tokens
    in the prompt; it must not draft vision placeholders, because the model fails on placeholders of
    a picture that does not exist.
    """
    if stop_strings(checkpoint, options):
        options = {"tokenizer": checkpoint.tokenizer, **options}
    if not options.get("prompt_lookup_num_tokens"):
        return options
    placeholders = np.unique(prepared.prompt.ids[prepared.vision.in_sequence]).tolist()
    suppressed = (
        options.get("suppress_tokens")
        or generation_settings(checkpoint.module, options).suppress_tokens
        or []
    )
    return {**options, "suppress_tokens": [*suppressed, *placeholders]}


def record_batch(
    checkpoint: Checkpoint, batch: Sequence[Prepared], options: Mapping[str, Any]
) -> list[Recording | TamError]:
    """Let the model answer several conversations at once.

    Returns
    -------
    list of Recording or ConversationError
        A recording for each conversation, or an error if the model wrote no words.
    """
    for prepared in batch:
        limit = new_tokens_at_most(checkpoint, prepared, options)
        check_limits(checkpoint, prepared, limit or 0)
    with progress("Answering", options.get("max_new_tokens")) as tick:
        runs = capture.generate(
            checkpoint.module,
            checkpoint.adapter,
            [prepared.request for prepared in batch],
            candidates=CANDIDATES,
            tick=tick,
            options=_completed(checkpoint, batch[0], options),
        )
    recordings: list[Recording | TamError] = []
    for prepared, run in zip(batch, runs, strict=True):
        try:
            recordings.append(recorded(checkpoint, prepared, run, None, options))
        except ConversationError as error:
            recordings.append(error)
    return recordings


def check_candidates(count: int) -> None:
    """Refuse maps for more candidates than are kept.

    Raises
    ------
    InputError
        If ``count`` is negative or above :data:`CANDIDATES`.
    """
    if not 0 <= count <= CANDIDATES:
        raise InputError(
            f"maps of {count} candidates were requested",
            where="candidate_maps",
            remedy=f"give a number from 0 to {CANDIDATES}",
        )


def recorded(
    checkpoint: Checkpoint,
    prepared: Prepared,
    run: capture.Run,
    answer: Answer,
    options: Mapping[str, Any],
) -> Recording:
    """Make a recording from a run, of this process or of another one.

    Parameters
    ----------
    checkpoint, prepared, answer, options
        As in :func:`record`.
    run
        The states and probabilities that were kept.

    Raises
    ------
    ConversationError
        If the reply has no words.
    """
    text, kept = _text_layout(checkpoint, prepared, run.ids, answer)
    vision = prepared.vision
    media = [item for _, item in prepared.conversation.media]
    trace = Trace(
        media=tuple(media),
        vision=vision,
        text=text,
        states=run.at(np.concatenate([vision.in_sequence, text.context_positions])),
        lm_head=LMHead(checkpoint.lm_head, checkpoint.module),
        predictions=tuple(_prediction(checkpoint, run, int(index)) for index in kept),
        provenance={
            **provenance(checkpoint, prepared, answer, options),
            **_ending(checkpoint, prepared, run, answer, options),
        },
    )
    return Recording(prepared, run, trace)


def provenance(
    checkpoint: Checkpoint, prepared: Prepared, answer: Answer, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the provenance of a run: the model, the reply's origin, and notes for the reader."""
    variables = prepared.template_variables
    dropped = [asdict(part) for part in prepared.prompt.dropped]
    return {
        **checkpoint.provenance,
        **({"template_variables": dict(variables)} if variables else {}),
        **({"dropped_text": dropped} if dropped else {}),
        "answer": "generated" if answer is None else "given",
        "generation": {} if answer is not None else {k: repr(v) for k, v in options.items()},
        "notes": [
            *_beyond(checkpoint, prepared),
            *(_untrained(checkpoint, prepared) if answer is None else ()),
            *checkpoint.provenance.get("notes", ()),
            *prepared.prompt.notes,
            *checkpoint.adapter.notes,
            *(
                f"{item.name}: {note}"
                for _, item in prepared.conversation.media
                for note in item.notes
            ),
        ],
    }


def _beyond(checkpoint: Checkpoint, prepared: Prepared) -> list[str]:
    """Return a note if a model of drawn scenes is shown any other kind of picture."""
    knows = checkpoint.provenance.get("knows")
    others = [item.name for _, item in prepared.conversation.media if not item.drawn]
    if not knows or not others:
        return []
    return [f"{', '.join(others)}: the model is {checkpoint.provenance['model']!r}; {knows}"]


def _untrained(checkpoint: Checkpoint, prepared: Prepared) -> list[str]:
    """Return a note if a model that was trained on a few questions is asked another one."""
    questions = checkpoint.provenance.get("questions", ())
    texts = prepared.conversation.turns[-1].texts
    asked = " ".join(text for text in texts if isinstance(text, str)).strip()
    forms = [re.escape(question).replace("…", ".+") for question in questions]
    if not forms or any(re.fullmatch(form, asked) for form in forms):
        return []
    return [
        f"{checkpoint.provenance['model']} was trained on few questions ({' '.join(questions)}) "
        "and often fails to name what the picture shows when it is asked anything else"
    ]


def _ending(
    checkpoint: Checkpoint,
    prepared: Prepared,
    run: capture.Run,
    answer: Answer,
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the provenance known only after a run: whether the reply was cut, and notes."""
    limit = new_tokens_at_most(checkpoint, prepared, options)
    cut = None
    if answer is None:
        cut = is_cut(checkpoint, run.ids.tolist(), limit, options)
    notes = provenance(checkpoint, prepared, answer, options)["notes"]
    notes = [*notes, *position_notes(checkpoint, run, len(prepared.prompt.ids))]
    if cut:
        notes = [cut_note(len(run.ids), limit), *notes]
    return {"cut": cut, "notes": notes}


def with_candidates(recording: Recording, count: int) -> Recording:
    """Return the recording with scores for the first ``count`` candidates of each reply token."""
    trace = recording.trace
    ids = [candidate.id for step in trace.predictions for candidate in step.candidates[:count]]
    if not ids:
        return recording
    scores = trace.lm_head.scores(torch.tensor(ids), trace.states)
    return replace(recording, trace=replace(trace, candidate_scores=scores))


def _text_layout(
    checkpoint: Checkpoint, prepared: Prepared, reply: NDArray[np.int64], answer: Answer
) -> tuple[TextLayout, NDArray[np.int64]]:
    """Return the layout of all text tokens, and the indices of the targets within the reply."""
    special = special_ids(checkpoint)
    kept = np.array([i for i, token in enumerate(reply) if int(token) not in special], np.int64)
    prompt = prepared.prompt
    first_word = word_count(prompt.tokens)
    tokens = reply_tokens(checkpoint.tokenizer, prepared, reply[kept], kept, first_word=first_word)
    # A model may write only white space in a turn; as a given text, that is a mistake.
    given = answer is not None
    if not tokens or (isinstance(answer, str) and all(token.word < 0 for token in tokens)):
        raise ConversationError(
            "the answer has no words" if given else "the model wrote no words",
            where="answer",
            remedy="give an answer with words"
            if given
            else "rephrase the question, or allow more new tokens",
        )
    return TextLayout(prompt.tokens + tokens, len(prompt.tokens)), kept


def _prediction(checkpoint: Checkpoint, run: capture.Run, index: int) -> Prediction:
    sampled = run.sampled_probabilities
    return Prediction(
        probability=float(run.probabilities[index]),
        sampled_probability=None if sampled is None else float(sampled[index]),
        candidates=candidates(
            checkpoint, run.candidate_ids[index], run.candidate_probabilities[index]
        ),
    )


def candidates(
    checkpoint: Checkpoint, ids: NDArray[np.int64], probabilities: NDArray[np.float32]
) -> tuple[Candidate, ...]:
    """Decode the most probable tokens of a step, from their ids and probabilities [C]."""
    return tuple(
        Candidate(int(token), decode_pieces(checkpoint.tokenizer, [int(token)])[0], float(p))
        for token, p in zip(ids, probabilities, strict=True)
    )
