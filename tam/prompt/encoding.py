"""Encoding of a conversation as the model's inputs, with each of its words located in the ids."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tam.errors import ConversationError, SetupError
from tam.families.adapter import Adapter
from tam.families.processor import Processor
from tam.geometry.layout import DroppedText, TextToken
from tam.media.media import Media
from tam.prompt.conversation import Conversation, TokenizedText, spoken
from tam.prompt.known_ids import harmless_messages, known_ids, marker_texts
from tam.prompt.template import Segment, render
from tam.prompt.tokenizer_lock import tokenizer_lock
from tam.text.counting import number_of
from tam.text.tokenizer import Tokenizer
from tam.text.words import decode_pieces, group_words

# Templates move such tags, for example those around a thought; they do not count as words.
_TAGS = re.compile(r"</?\w+>")

_LENGTH_WARNING = "sequence-length-is-longer-than-the-specified-maximum"

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False, repr=False)
class Prompt:
    """An encoded conversation, up to the start of the model's answer.

    Parameters
    ----------
    inputs
        The processor's outputs [1, …], which are the model's inputs.
    ids
        int64 [P]: token ids, with the vision placeholders expanded.
    tokens
        The text tokens of the conversation in order, without the template's own text.
    dropped
        The text that the chat template drops, apart from white space.
    notes
        Notes for the reader on the text that the chat template drops or rewrites.
    """

    inputs: Mapping[str, "torch.Tensor"]
    ids: NDArray[np.int64]
    tokens: tuple[TextToken, ...]
    dropped: tuple[DroppedText, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """The inputs without pixels, as NumPy arrays for an adapter."""
        return {
            name: value.cpu().numpy()
            for name, value in self.inputs.items()
            if not value.is_floating_point()
        }

    def __repr__(self) -> str:
        shapes = {name: list(value.shape) for name, value in self.inputs.items()}
        return f"<Prompt of {len(self.ids)} tokens, {len(self.tokens)} of words: {shapes}>"


def encode(
    processor: Processor,
    conversation: Conversation,
    adapter: Adapter | None = None,
    template_variables: Mapping[str, Any] | None = None,
) -> Prompt:
    """Render a conversation with the processor's chat template and encode it.

    Media go to the processor as decoded arrays, never as paths or URLs. Text that the template
    drops (such as a thinking model's earlier thoughts) has no tokens; text that it rewrites has the
    tokens of the new text.

    Parameters
    ----------
    processor
        The model's processor.
    conversation
        The turns; the last one is to be answered.
    adapter
        The model's family, which may have its own chat template and processor call.
    template_variables
        Additional variables of the chat template, such as ``enable_thinking``.

    Raises
    ------
    ConversationError
        If the template refuses the conversation, or changes its texts so that they cannot be
        located.
    InputError
        If the template has no such variable.
    ModelError
        If the processor has no chat template, or the family takes no clips and one is given.
    SetupError
        If the tokenizer or transformers does not return the offsets of a text's tokens.
    """
    if adapter:
        adapter.check_media(media for _, media in conversation.media)
    markers = marker_texts(processor)
    rendering = render(
        processor, harmless_messages(conversation, markers), adapter, template_variables
    )
    options = _options(processor, conversation, rendering.prompt)
    with tokenizer_lock(processor.tokenizer):
        outputs = adapter.call_processor(processor, options) if adapter else processor(**options)
    offsets = np.asarray(outputs.pop("offset_mapping")[0])
    replaced = outputs.pop("text_replacement_offsets", None)
    outputs.pop("video_metadata", None)
    texts = [text for turn in conversation.turns for text in turn.texts]
    kept = [segment for segment in rendering.segments if segment.written is not None]
    places = _places(kept, texts, offsets, replaced[0] if replaced else [])
    known = [
        known_ids(processor.tokenizer, segment, texts[segment.part], markers) for segment in kept
    ]
    inputs, places = _insert_known(dict(outputs), places, known)
    ids = inputs["input_ids"][0].cpu().numpy().astype(np.int64)
    tokens, dropped = _text_tokens(
        processor.tokenizer, ids, rendering.segments, dict(zip(kept, places, strict=True)), texts
    )
    if replaced is None and conversation.media:
        _check_words(processor, tokens, kept, texts)
    notes = [*_dropped_notes(dropped), *_rewritten_notes(kept)]
    return Prompt(inputs, ids, tokens, dropped, tuple(notes))


def text_tokens(
    tokenizer: Tokenizer,
    ids: NDArray[np.int64],
    positions: NDArray[np.int64],
    *,
    turn: int,
    role: str,
    first_word: int,
    before: Sequence[int] = (),
) -> tuple[TextToken, ...]:
    """Return consecutive text tokens with their pieces of text and the words that they form.

    Parameters
    ----------
    tokenizer
        As in :func:`tam.text.words.decode_pieces`.
    ids, positions
        int64 [n]: the token ids and their positions in the sequence.
    turn, role
        The turn of the text. The context position of an assistant's token is the one before it,
        which predicted it.
    first_word
        Index of the first word.
    before
        Ids of the tokens just before these, if the text continues from there, because some
        tokenizers decode a token depending on the preceding ones.
    """
    pieces = decode_pieces(tokenizer, [*before, *ids.tolist()])[len(before) :]
    words = group_words(pieces)
    shift = 1 if role == "assistant" else 0
    return tuple(
        TextToken(
            id=int(token),
            position=int(position),
            context_position=int(position) - shift,
            turn=turn,
            role=role,
            text=piece,
            word=-1 if word < 0 else first_word + word,
        )
        for token, position, piece, word in zip(ids, positions, pieces, words, strict=True)
    )


def word_count(tokens: tuple[TextToken, ...]) -> int:
    """Return the number of words that the tokens form, which is also the index of the next word."""
    return max((token.word for token in tokens), default=-1) + 1


def _options(processor: Processor, conversation: Conversation, rendered: str) -> dict[str, Any]:
    tokenizer = processor.tokenizer
    # Silence the tokenizer's warning about long sequences: it counts vision tokens as positions.
    # tam.recording.limits checks the positions that the model really uses.
    getattr(tokenizer, "deprecation_warnings", {})[_LENGTH_WARNING] = True
    if not getattr(tokenizer, "is_fast", False):
        raise SetupError(
            "this tokenizer does not return the offsets of its tokens",
            where=type(processor.tokenizer).__name__,
            remedy="install the tokenizer's fast variant (pip install tokenizers)",
        )
    images = [media.frames[0] for _, media in conversation.media if media.kind == "image"]
    clips = [media for _, media in conversation.media if media.kind == "video"]
    bos = processor.tokenizer.bos_token
    options: dict[str, Any] = {
        "text": [rendered],
        "return_tensors": "pt",
        "return_offsets_mapping": True,
        "return_text_replacement_offsets": True,
        # Most templates write the beginning-of-sequence token themselves.
        "add_special_tokens": not (bos and rendered.startswith(bos)),
    }
    if images:
        options["images"] = images
    if clips:
        # The frames were chosen when the clip was opened; the processor must not sample again.
        options["videos"] = [clip.frames for clip in clips]
        options["video_metadata"] = [_metadata(clip) for clip in clips]
        options["do_sample_frames"] = False
    if images or clips:
        # Otherwise a picture of 1, 3 or 4 rows would be mistaken for one with channels first.
        options["input_data_format"] = "channels_last"
    return options


# transformers expresses a clip's times as frame numbers at a frame rate. At this rate, frame
# numbers are microseconds.
_TICKS = 1_000_000


def _metadata(clip: Media) -> dict[str, Any]:
    """Return a clip's metadata for transformers' video processors, with times as frame numbers.

    Times count from the start of the clip, even if only a later part is shown. The total number of
    frames is such that processors derive the median step between two frames from it.
    """
    steps = np.diff(clip.seconds)
    step = float(np.median(steps)) if len(steps) and np.median(steps) > 0 else 1.0
    return {
        "total_num_frames": max(1, round(len(clip.seconds) * step * _TICKS)),
        "fps": float(_TICKS),
        "frames_indices": np.rint(clip.seconds * _TICKS).astype(int).tolist(),
        "duration": float(clip.seconds[-1]) + step,
        "height": clip.height,
        "width": clip.width,
    }


def _places(
    segments: Sequence[Segment],
    texts: Sequence[str | TokenizedText],
    offsets: NDArray[np.int64],
    replaced: list[dict[str, Any]],
) -> list[tuple[int, int]]:
    """Return the first, and one past the last, position of each segment's tokens."""
    places: list[tuple[int, int]] = []
    end = 0
    for segment in segments:
        assert segment.written is not None
        first, last = (_shifted(place, replaced) for place in segment.written)
        positions = np.flatnonzero((offsets[:, 0] < last) & (offsets[:, 1] > first))
        # A token that spans two segments belongs to the first.
        positions = positions[positions >= end]
        source = spoken(texts[segment.part])[slice(*segment.source)]
        if len(positions):
            end = int(positions[-1]) + 1
            places.append((int(positions[0]), end))
        elif source.strip() and not places:
            raise ConversationError(
                "the prompt contains no token of this text",
                where=f"{segment.role} turn {number_of(segment.turn)}",
                remedy="shorten the conversation",
            )
        else:
            places.append((end, end))
    return places


def _check_words(
    processor: Processor,
    tokens: Sequence[TextToken],
    kept: Sequence[Segment],
    texts: Sequence[str | TokenizedText],
) -> None:
    """Refuse tokens that do not spell the words, where placeholders moved them unannounced."""
    words = "".join(spoken(texts[part.part])[slice(*part.source)] for part in kept)
    found = "".join(token.text for token in tokens)
    if all(part.exact for part in kept) and "".join(words.split()) != "".join(found.split()):
        raise SetupError(
            "the installed transformers does not say where this processor puts a prompt's words",
            where=type(processor).__name__,
            remedy="install a newer release of transformers",
        )


def _insert_known(
    inputs: dict[str, "torch.Tensor"],
    places: list[tuple[int, int]],
    known: list[list[int] | None],
) -> tuple[dict[str, "torch.Tensor"], list[tuple[int, int]]]:
    """Replace the tokenizer's ids with known ids, and shift the places after them.

    The other inputs along the sequence (masks, token types) repeat their value at the first
    replaced token.
    """
    import torch

    moved: list[tuple[int, int]] = []
    shift = 0
    for (first, last), ids in zip(places, known, strict=True):
        first, last = first + shift, last + shift
        if ids is not None:
            length = inputs["input_ids"].shape[1]
            for name, value in inputs.items():
                if value.shape[:2] == (1, length):
                    middle = value[:, first : first + 1].expand(1, len(ids), *value.shape[2:])
                    if name == "input_ids":
                        middle = torch.tensor([ids], dtype=value.dtype)
                    inputs[name] = torch.cat([value[:, :first], middle, value[:, last:]], dim=1)
            shift += len(ids) - (last - first)
            last = first + len(ids)
        moved.append((first, last))
    return inputs, moved


def _text_tokens(
    tokenizer: Tokenizer,
    ids: NDArray[np.int64],
    segments: Sequence[Segment],
    places: Mapping[Segment, tuple[int, int]],
    texts: Sequence[str | TokenizedText],
) -> tuple[tuple[TextToken, ...], tuple[DroppedText, ...]]:
    tokens: tuple[TextToken, ...] = ()
    dropped: list[DroppedText] = []
    for segment in segments:
        if segment in places:
            positions = np.arange(*places[segment], dtype=np.int64)
            tokens += text_tokens(
                tokenizer,
                ids[positions],
                positions,
                turn=segment.turn,
                role=segment.role,
                first_word=word_count(tokens),
            )
            continue
        text = spoken(texts[segment.part])[slice(*segment.source)]
        if _TAGS.sub("", text).strip():
            dropped.append(DroppedText(segment.turn, segment.role, text, len(tokens)))
    return tokens, tuple(dropped)


def _dropped_notes(dropped: Sequence[DroppedText]) -> Iterator[str]:
    turns = sorted({(part.turn, part.role) for part in dropped})
    for turn, role in turns:
        words = sum(len(part.text.split()) for part in dropped if part.turn == turn)
        yield (
            f"the chat template leaves {words} words of turn {number_of(turn)} ({role}) out of the "
            "prompt; the model did not read them, so they explain nothing"
        )


def _rewritten_notes(kept: Sequence[Segment]) -> Iterator[str]:
    for turn, role in sorted({(part.turn, part.role) for part in kept if not part.exact}):
        yield (
            f"the chat template rewrites turn {number_of(turn)} ({role}); its words are shown as "
            "the model read them"
        )


def _shifted(place: int, replaced: list[dict[str, Any]]) -> int:
    """Return a character's index in the rendered prompt after its placeholders are expanded."""
    shift = 0
    for new in replaced:
        if new["span"][1] <= place:
            length: int = new["new_span"][1] - new["new_span"][0]
            shift += length - (new["span"][1] - new["span"][0])
    return place + shift
