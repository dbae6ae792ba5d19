"""From a conversation to the model's inputs, with every word of it found again in the ids."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tam.adapter import Adapter
from tam.conversation import Conversation, Written
from tam.errors import ConversationError, ModelError, SetupError
from tam.layout import TextToken
from tam.media.media import Media
from tam.words import group_words, spell

if TYPE_CHECKING:
    import torch

_MARKERS = (
    "image_token",
    "image_placeholder_token",
    "video_token",
    "audio_token",
    "boi_token",
    "eoi_token",
)

# Stands for a user's text while the template's own text is found out. No template writes it, and
# none of its characters is changed by a template's trimming or upper-casing.
_SENTINEL = "\ue000{}\ue001"


@dataclass(frozen=True, eq=False, repr=False)
class Prompt:
    """An encoded conversation that ends where the model is to answer.

    Parameters
    ----------
    inputs
        All of the processor's outputs, as the model takes them; each [1, …].
    ids
        int64 [P]: token ids, with the vision placeholders expanded.
    tokens
        The text tokens of the conversation in order, without the template's own text.
    """

    inputs: Mapping[str, "torch.Tensor"]
    ids: NDArray[np.int64]
    tokens: tuple[TextToken, ...]

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """The inputs without pixels as NumPy arrays, for an adapter."""
        return {
            name: value.cpu().numpy()
            for name, value in self.inputs.items()
            if not value.is_floating_point()
        }

    def __repr__(self) -> str:
        shapes = {name: list(value.shape) for name, value in self.inputs.items()}
        return f"<Prompt of {len(self.ids)} tokens, {len(self.tokens)} of words: {shapes}>"


@dataclass(frozen=True)
class _Span:
    """Characters of one text part in a rendered prompt."""

    first: int
    last: int
    turn: int
    role: str


def encode(processor: Any, conversation: Conversation, adapter: Adapter | None = None) -> Prompt:
    """Render a conversation with the processor's chat template and encode it.

    Media go to the processor as decoded arrays, never as paths or addresses.

    Parameters
    ----------
    processor
        The model's processor.
    conversation
        Its last turn is to be answered.
    adapter
        The model's family, for its own chat template and its own way to call the processor.

    Raises
    ------
    ConversationError
        If the template alters the texts.
    ModelError
        If the processor has no chat template.
    SetupError
        If the tokenizer or transformers cannot say where the words of a text are.
    """
    markers = marker_texts(processor)
    template = _template(processor, adapter)
    rendered, spans = _render(processor, _plain(conversation, markers), template)
    options = _options(processor, conversation, rendered)
    outputs = adapter.call_processor(processor, options) if adapter else processor(**options)
    offsets = np.asarray(outputs.pop("offset_mapping")[0])
    replaced = (outputs.pop("text_replacement_offsets", None) or [[]])[0]
    outputs.pop("video_metadata", None)
    places = [_place(span, offsets, replaced) for span in spans]
    known = _known_ids(processor.tokenizer, conversation, markers)
    inputs, places = _put_in(dict(outputs), places, known)
    ids = inputs["input_ids"][0].cpu().numpy().astype(np.int64)
    return Prompt(inputs, ids, _text_tokens(processor.tokenizer, ids, spans, places))


def text_tokens(
    tokenizer: Any,
    ids: NDArray[np.int64],
    positions: NDArray[np.int64],
    *,
    turn: int,
    role: str,
    first_word: int,
) -> tuple[TextToken, ...]:
    """Describe one run of text tokens: what each spells, and which words they form.

    Parameters
    ----------
    tokenizer
        See :func:`tam.words.spell`.
    ids, positions
        int64 [n]: the run's token ids and their own positions in the sequence.
    turn, role
        Whose text it is. What the model wrote stands at the position that predicted it.
    first_word
        Index that the run's first word gets.
    """
    pieces = spell(tokenizer, ids.tolist())
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
    """How many words the tokens form: the index that the next word gets."""
    return max((token.word for token in tokens), default=-1) + 1


def plain_ids(tokenizer: Any, text: str) -> list[int]:
    """Ids of a text as text alone: a marker in it is spelled out, not obeyed."""
    ids = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    return list(ids)


def marker_texts(processor: Any) -> set[str]:
    """The texts that the tokenizer or the processor reads as a marker, not as words."""
    tokenizer = processor.tokenizer
    markers = set(tokenizer.all_special_tokens)
    markers |= {token.content for token in tokenizer.added_tokens_decoder.values() if token.special}
    for name in _MARKERS:
        marker = getattr(processor, name, None)
        if isinstance(marker, str):
            markers.add(marker)
    return {marker for marker in markers if marker.strip()}


def _plain(conversation: Conversation, markers: set[str]) -> list[dict[str, Any]]:
    """The conversation's messages, with the markers in its texts made harmless.

    A text with a marker enters the prompt by its ids afterwards (see :func:`_known_ids`); what is
    rendered in its place only has to keep the template and the processor from acting on it.
    """
    messages = conversation.messages()
    for message in messages:
        for part in message["content"]:
            for marker in sorted(markers, key=len, reverse=True) if "text" in part else ():
                part["text"] = part["text"].replace(marker, "?" * len(marker))
    return messages


def _known_ids(
    tokenizer: Any, conversation: Conversation, markers: set[str]
) -> list[list[int] | None]:
    """For each text part the ids that it must have, or None where the tokenizer's are right."""
    known: list[list[int] | None] = []
    for turn in conversation.turns:
        for text in turn.texts:
            if isinstance(text, Written):
                known.append(list(text.ids))
            elif any(marker in text for marker in markers):
                known.append(plain_ids(tokenizer, text))
            else:
                known.append(None)
    return known


def _render(
    processor: Any, messages: list[dict[str, Any]], template: str | None
) -> tuple[str, list[_Span]]:
    """Render messages, and find each text part in the result.

    A second rendering with sentinels in the place of the texts shows the template's own text.
    Searching for the texts themselves could find "you" in a system prompt.
    """
    rendered = _apply_template(processor, messages, template)
    owners: list[tuple[int, str, str]] = []
    for index, message in enumerate(messages):
        for part in message["content"]:
            if part["type"] == "text":
                owners.append((index, message["role"], part["text"]))
                part["text"] = _SENTINEL.format(len(owners) - 1)
    skeleton = _apply_template(processor, messages, template)
    spans: list[_Span] = []
    cursor = 0
    for number, (turn, role, text) in enumerate(owners):
        frame, found, skeleton = skeleton.partition(_SENTINEL.format(number))
        # Many templates trim a text, so the trimmed one is accepted too.
        said = text if rendered.startswith(frame + text, cursor) else text.strip()
        if not found or not rendered.startswith(frame + said, cursor):
            raise _altered(turn, role)
        first = cursor + len(frame)
        cursor = first + len(said)
        spans.append(_Span(first, cursor, turn, role))
    if owners and rendered[cursor:] != skeleton:
        raise _altered(*owners[-1][:2])
    return rendered, spans


def _altered(turn: int, role: str) -> ConversationError:
    return ConversationError(
        "the chat template changes this text, so its words cannot be followed",
        where=f"{role} turn {turn}",
        remedy="write it more plainly, without white space around it",
    )


def _template(processor: Any, adapter: Adapter | None) -> str | None:
    """The family's chat template, or None where the processor has its own."""
    if getattr(processor, "chat_template", None) is not None:
        return None
    template = adapter.chat_template if adapter else None
    if template is None:
        raise ModelError(
            "the processor has no chat template",
            where=type(processor).__name__,
            remedy="use the model's chat variant, or set processor.chat_template",
        )
    return template


def _apply_template(processor: Any, messages: list[dict[str, Any]], template: str | None) -> str:
    text: str = processor.apply_chat_template(
        messages, chat_template=template, tokenize=False, add_generation_prompt=True
    )
    return text


def _options(processor: Any, conversation: Conversation, rendered: str) -> dict[str, Any]:
    if not getattr(processor.tokenizer, "is_fast", False):
        raise SetupError(
            "this tokenizer cannot say where its tokens stand in a text",
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
        # The template writes the first token itself where it writes one at all.
        "add_special_tokens": not (bos and rendered.startswith(bos)),
    }
    if images:
        options["images"] = images
    if clips:
        # The frames were chosen when the clip was opened; the processor must not choose again.
        options["videos"] = [clip.frames for clip in clips]
        options["video_metadata"] = [_metadata(clip) for clip in clips]
        options["do_sample_frames"] = False
    if images or clips:
        # Else a picture of 1, 3 or 4 rows is taken for one with its channels first.
        options["input_data_format"] = "channels_last"
    return options


def _metadata(clip: Media) -> dict[str, Any]:
    """A clip's times as transformers' video processors read them: as frame numbers at a rate."""
    steps = np.diff(clip.times)
    rate = 1 / float(np.median(steps)) if len(steps) and np.median(steps) > 0 else 1.0
    indices = np.rint((clip.times - clip.times[0]) * rate).astype(int).tolist()
    return {
        "total_num_frames": indices[-1] + 1,
        "fps": rate,
        "frames_indices": indices,
        "duration": indices[-1] / rate,
        "height": clip.height,
        "width": clip.width,
    }


def _place(
    span: _Span, offsets: NDArray[np.int64], replaced: list[dict[str, Any]]
) -> tuple[int, int]:
    """First and one past the last position of a text part's tokens."""
    first, last = _shifted(span.first, replaced), _shifted(span.last, replaced)
    positions = np.flatnonzero((offsets[:, 0] < last) & (offsets[:, 1] > first))
    if not len(positions):
        raise ConversationError(
            "no token of this text is left in the prompt",
            where=f"{span.role} turn {span.turn}",
            remedy="shorten the conversation",
        )
    return int(positions[0]), int(positions[-1]) + 1


def _put_in(
    inputs: dict[str, "torch.Tensor"],
    places: list[tuple[int, int]],
    known: list[list[int] | None],
) -> tuple[dict[str, "torch.Tensor"], list[tuple[int, int]]]:
    """Put known ids in the place of the tokenizer's, and move what stands behind them.

    Everything else that goes along the sequence (masks, token types) is continued by the value
    that it has at the place's first token.
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
    tokenizer: Any, ids: NDArray[np.int64], spans: list[_Span], places: list[tuple[int, int]]
) -> tuple[TextToken, ...]:
    tokens: tuple[TextToken, ...] = ()
    for span, (first, last) in zip(spans, places, strict=True):
        positions = np.arange(first, last, dtype=np.int64)
        tokens += text_tokens(
            tokenizer,
            ids[positions],
            positions,
            turn=span.turn,
            role=span.role,
            first_word=word_count(tokens),
        )
    return tokens


def _shifted(place: int, replaced: list[dict[str, Any]]) -> int:
    """Where a character of the rendered prompt stands once the placeholders are expanded."""
    moved = 0
    for new in replaced:
        if new["span"][1] <= place:
            grown: int = new["new_span"][1] - new["new_span"][0]
            moved += grown - (new["span"][1] - new["span"][0])
    return place + moved
