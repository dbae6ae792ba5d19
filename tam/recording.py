"""One run of a model on a conversation: encoded, answered, and recorded as a trace."""

import operator
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from tam import capture
from tam.adapter import Encoded, PlacedMedia
from tam.conversation import Conversation, check_text
from tam.errors import ConversationError, InputError, TamError
from tam.explanation import Candidate, Prediction
from tam.head import head_rows, head_scores
from tam.layout import TextLayout, VisionLayout
from tam.progress import progress
from tam.prompt import Prompt, encode, marker_texts, plain_ids, text_tokens, word_count
from tam.trace import Trace
from tam.words import spell

if TYPE_CHECKING:
    from tam.model import Model

CANDIDATES = 8
"""Rivals that are kept of each token of a reply."""

Answer = str | Sequence[int] | None
"""A reply that exists already, as text or as token ids; None where the model is to write one."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A conversation, encoded and laid out.

    Parameters
    ----------
    conversation
        Its last turn is to be answered.
    prompt
        What the model reads.
    vision
        Where its pictures are in that.
    """

    conversation: Conversation
    prompt: Prompt
    vision: VisionLayout

    @property
    def request(self) -> capture.Request:
        """The same for the run: the states of all cells and of all words are wanted."""
        words = np.array([token.context_position for token in self.prompt.tokens], np.int64)
        return capture.Request(self.prompt.inputs, np.union1d(self.vision.positions, words))


@dataclass(frozen=True, eq=False, repr=False)
class Recording:
    """A conversation and what passed through the model when it was answered.

    Parameters
    ----------
    prepared
        The conversation.
    run
        What passed.
    trace
        The part of it that methods read.
    """

    prepared: Prepared
    run: capture.Run
    trace: Trace

    def __repr__(self) -> str:
        return f"<Recording of {self.prepared.conversation!r}: {self.trace!r}>"


def prepare(model: "Model", conversation: Conversation) -> Prepared:
    """Encode a conversation, and find its pictures and words in the model's input.

    Raises
    ------
    ConversationError
        If it shows nothing.
    """
    prompt = encode(model.processor, conversation, model.adapter)
    media = [PlacedMedia(item, turn) for turn, item in conversation.media]
    if not media:
        raise ConversationError(
            "there is no picture", where="conversation", remedy="give at least one"
        )
    # What is kept of them is what the model reads, not twice as much.
    prompt = replace(prompt, inputs=capture.in_its_dtype(model.module, prompt.inputs))
    encoded = Encoded(prompt.ids, prompt.arrays, media, model.module.config, model.processor)
    return Prepared(conversation, prompt, model.adapter.vision_layout(encoded))


def record(
    model: "Model",
    prepared: Prepared,
    answer: Answer,
    options: Mapping[str, Any],
    past: capture.Past | None = None,
    watch: capture.Watch | None = None,
) -> Recording:
    """Run the model on one conversation.

    Parameters
    ----------
    model
        Who answers.
    prepared
        The conversation.
    answer
        What it answers, or None where it is to find out.
    options
        Any options of transformers' ``generate``.
    past
        From an earlier run of the same model; used where this conversation goes on from there.
    watch
        Called for each token that the model writes, in the place of a progress bar.
    """
    request = prepared.request
    if past is not None:
        past = past.shared_with(request, int(prepared.vision.positions.max()))
    if answer is None:
        total = options.get("max_new_tokens")
        with progress("Answering", total, shown=watch is None) as tick:
            [run] = capture.generate(
                model.module,
                model.adapter,
                [request],
                candidates=CANDIDATES,
                tick=tick,
                options=_looked_up(model, prepared, options),
                past=past,
                watch=watch,
            )
    else:
        reply = torch.tensor(_answer_ids(model, answer), dtype=torch.int64)
        with progress("Reading the answer", len(reply)) as tick:
            run = capture.force(
                model.module,
                model.adapter,
                request,
                reply,
                candidates=CANDIDATES,
                tick=tick,
                past=past,
            )
    return _recording(model, prepared, run, answer, options)


def _looked_up(model: "Model", prepared: Prepared, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Keep prompt lookup from guessing that the reply goes on with a picture.

    transformers looks the reply's last tokens up in the prompt and tries what follows there. Vision
    placeholders among it would stand for a picture that does not exist, and the model fails.
    """
    if not options.get("prompt_lookup_num_tokens"):
        return options
    placeholders = np.unique(prepared.prompt.ids[prepared.vision.positions]).tolist()
    asked = options.get("suppress_tokens") or model.module.generation_config.suppress_tokens or []
    return {**options, "suppress_tokens": [*asked, *placeholders]}


def record_batch(
    model: "Model", batch: Sequence[Prepared], options: Mapping[str, Any]
) -> list[Recording | TamError]:
    """Let the model answer several conversations at once.

    Returns
    -------
    A recording for each, or the error of one that the model had no words for.
    """
    with progress("Answering", options.get("max_new_tokens")) as tick:
        runs = capture.generate(
            model.module,
            model.adapter,
            [prepared.request for prepared in batch],
            candidates=CANDIDATES,
            tick=tick,
            options=options,
        )
    recordings: list[Recording | TamError] = []
    for prepared, run in zip(batch, runs, strict=True):
        try:
            recordings.append(_recording(model, prepared, run, None, options))
        except ConversationError as error:
            recordings.append(error)
    return recordings


def check_candidates(count: int) -> None:
    """Refuse maps of more candidates than are kept.

    Raises
    ------
    InputError
        With how many there are.
    """
    if not 0 <= count <= CANDIDATES:
        raise InputError(
            f"{count} candidates cannot have maps",
            where="candidate_maps",
            remedy=f"give a number from 0 to {CANDIDATES}",
        )


def special_ids(model: "Model") -> set[int]:
    """Ids of the tokens that are no words: ends, markers, placeholders."""
    tokenizer = model.processor.tokenizer
    ends = model.module.generation_config.eos_token_id
    # A placeholder that a processor replaces before it tokenizes is a marker without an id.
    special = set(tokenizer.convert_tokens_to_ids(sorted(marker_texts(model.processor)))) - {None}
    return special | set(ends if isinstance(ends, list) else [ends])


def _answer_ids(model: "Model", answer: str | Sequence[int]) -> list[int]:
    if isinstance(answer, str):
        check_text(answer, "answer")
        ids = plain_ids(model.processor.tokenizer, answer)
    else:
        ids = _given_ids(answer)
    size = model.module.get_input_embeddings().num_embeddings
    if not ids or not all(0 <= token < size for token in ids):
        raise ConversationError(
            "the answer has no tokens" if not ids else "the answer has an unknown token id",
            where="answer",
            remedy=f"give a text, or token ids from 0 to {size - 1}",
        )
    return ids


def _given_ids(answer: Sequence[int]) -> list[int]:
    try:
        if not isinstance(answer, bytes):
            return [operator.index(token) for token in answer]
    except TypeError:
        pass
    raise ConversationError(
        f"{reprlib.repr(answer)} is neither a text nor token ids",
        where="answer",
        remedy="give a str, or a list of int",
    )


def _recording(
    model: "Model",
    prepared: Prepared,
    run: capture.Run,
    answer: Answer,
    options: Mapping[str, Any],
) -> Recording:
    text, kept = _text_layout(model, prepared, run.ids, given=answer is not None)
    vision = prepared.vision
    head = model.adapter.head(model.module)
    vision_states, context_states = run.at(vision.positions), run.at(text.context_positions)
    ids = torch.from_numpy(text.ids)
    rows = head_rows(head, ids, context_states[-1:])
    scores = None
    if rows is None:
        scores = head_scores(head, ids, torch.cat([vision_states, context_states]))
    media = [item for _, item in prepared.conversation.media]
    trace = Trace(
        media=tuple(media),
        vision=vision,
        text=text,
        vision_states=vision_states,
        context_states=context_states,
        head_rows=rows,
        scores=scores,
        predictions=tuple(_prediction(model, run, int(index)) for index in kept),
        provenance=provenance(model, prepared, answer, options),
    )
    return Recording(prepared, run, trace)


def provenance(
    model: "Model", prepared: Prepared, answer: Answer, options: Mapping[str, Any]
) -> dict[str, Any]:
    """What ran: the model, how the answer came about, and what a reader must know of it."""
    return {
        **model.provenance,
        "answer": "generated" if answer is None else "given",
        "generation": {} if answer is not None else {k: repr(v) for k, v in options.items()},
        "notes": [
            *model.adapter.notes,
            *(
                f"{item.name}: {note}"
                for _, item in prepared.conversation.media
                for note in item.notes
            ),
        ],
    }


def with_candidates(model: "Model", recording: Recording, count: int) -> Recording:
    """Score the first ``count`` candidates of each of the reply's tokens as targets are scored."""
    trace = recording.trace
    ids = [candidate.id for step in trace.predictions for candidate in step.candidates[:count]]
    if not ids:
        return recording
    head, wanted = model.adapter.head(model.module), torch.tensor(ids)
    states = torch.cat([trace.vision_states, trace.context_states])
    rows = head_rows(head, wanted, states[-1:])
    if rows is None:
        scores = head_scores(head, wanted, states)
    else:
        scores = states.float() @ rows.to(states.device).float().T
    return replace(recording, trace=replace(trace, candidate_scores=scores))


def _text_layout(
    model: "Model", prepared: Prepared, reply: NDArray[np.int64], *, given: bool
) -> tuple[TextLayout, NDArray[np.int64]]:
    """Lay out all text tokens; also give the indices of the reply's targets within it."""
    special = special_ids(model)
    kept = np.array([i for i, token in enumerate(reply) if int(token) not in special], np.int64)
    prompt = prepared.prompt
    tokens = text_tokens(
        model.processor.tokenizer,
        reply[kept],
        kept + len(prompt.ids),
        turn=len(prepared.conversation.turns),
        role="assistant",
        first_word=word_count(prompt.tokens),
    )
    # A model may write spaces alone, in a turn that others follow; nobody asks for them by hand.
    if not tokens or (given and all(token.word < 0 for token in tokens)):
        raise ConversationError(
            "the answer has no words" if given else "the model wrote no words",
            where="answer",
            remedy="give one that says something"
            if given
            else "ask in another way, or allow more new tokens",
        )
    return TextLayout(prompt.tokens + tokens, len(prompt.tokens)), kept


def _prediction(model: "Model", run: capture.Run, index: int) -> Prediction:
    sampled = run.sampled_probabilities
    return Prediction(
        probability=float(run.probabilities[index]),
        sampled_probability=None if sampled is None else float(sampled[index]),
        candidates=candidates(model, run.candidate_ids[index], run.candidate_probabilities[index]),
    )


def candidates(
    model: "Model", ids: NDArray[np.int64], probabilities: NDArray[np.float32]
) -> tuple[Candidate, ...]:
    """Spell the most probable tokens of a step: ids and probabilities, both [C]."""
    return tuple(
        Candidate(int(token), spell(model.processor.tokenizer, [int(token)])[0], float(p))
        for token, p in zip(ids, probabilities, strict=True)
    )
