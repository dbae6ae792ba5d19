"""From a conversation to the model's inputs, with every word of it found again in the ids."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tam.conversation import Conversation
from tam.errors import ConversationError, ModelError, SetupError
from tam.layout import TextToken
from tam.media.media import Media
from tam.words import group_words, spell

if TYPE_CHECKING:
    import torch

# Stands for a user's text while the template's own text is found out. No template writes it, and
# none of its characters is changed by a template's trimming or upper-casing.
_SENTINEL = "\ue000{}\ue001"


@dataclass(frozen=True, eq=False)
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


@dataclass(frozen=True)
class _Span:
    """Characters of one text part in a rendered prompt."""

    first: int
    last: int
    turn: int
    role: str


def encode(processor: Any, conversation: Conversation) -> Prompt:
    """Render a conversation with the processor's chat template and encode it.

    Media go to the processor as decoded arrays, never as paths or addresses.

    Raises
    ------
    ConversationError
        If a text holds one of the model's own markers, or the template alters the texts.
    ModelError
        If the processor has no chat template.
    SetupError
        If the tokenizer or transformers cannot say where the words of a text are.
    """
    _refuse_markers(processor, conversation)
    rendered, spans = _render(processor, conversation)
    outputs = _call(processor, conversation, rendered)
    offsets = outputs.pop("offset_mapping")[0]
    replaced = (outputs.pop("text_replacement_offsets", None) or [[]])[0]
    outputs.pop("video_metadata", None)
    ids = outputs["input_ids"][0].cpu().numpy().astype(np.int64)
    tokens = _text_tokens(processor.tokenizer, ids, np.asarray(offsets), replaced, spans)
    return Prompt(dict(outputs), ids, tokens)


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


def marker_texts(processor: Any) -> set[str]:
    """The texts that the tokenizer or the processor reads as a marker, not as words."""
    tokenizer = processor.tokenizer
    markers = set(tokenizer.all_special_tokens)
    markers |= {token.content for token in tokenizer.added_tokens_decoder.values() if token.special}
    for name in ("image_token", "video_token", "audio_token", "boi_token", "eoi_token"):
        marker = getattr(processor, name, None)
        if isinstance(marker, str):
            markers.add(marker)
    return {marker for marker in markers if marker.strip()}


def _refuse_markers(processor: Any, conversation: Conversation) -> None:
    markers = marker_texts(processor)
    for index, turn in enumerate(conversation.turns):
        for text in turn.texts:
            for marker in sorted(markers, key=len, reverse=True):
                if marker in text:
                    raise ConversationError(
                        f"the text holds {marker!r}, which the model reads as a marker",
                        where=f"{turn.role} turn {index}",
                        remedy="write it in another way",
                    )


def _render(processor: Any, conversation: Conversation) -> tuple[str, list[_Span]]:
    """Render the conversation, and find each text part in it.

    A second rendering with sentinels in the place of the texts shows the template's own text.
    Searching for the texts themselves could find "you" in a system prompt.
    """
    messages = conversation.messages()
    rendered = _apply_template(processor, messages)
    owners: list[tuple[int, str, str]] = []
    for index, message in enumerate(messages):
        for part in message["content"]:
            if part["type"] == "text":
                owners.append((index, message["role"], part["text"]))
                part["text"] = _SENTINEL.format(len(owners) - 1)
    skeleton = _apply_template(processor, messages)
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


def _apply_template(processor: Any, messages: list[dict[str, Any]]) -> str:
    if getattr(processor, "chat_template", None) is None:
        raise ModelError(
            "the processor has no chat template",
            where=type(processor).__name__,
            remedy="use the model's chat variant, or set processor.chat_template",
        )
    text: str = processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return text


def _call(processor: Any, conversation: Conversation, rendered: str) -> Any:
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
    return processor(**options)


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


def _text_tokens(
    tokenizer: Any,
    ids: NDArray[np.int64],
    offsets: NDArray[np.int64],
    replaced: list[dict[str, Any]],
    spans: list[_Span],
) -> tuple[TextToken, ...]:
    tokens: tuple[TextToken, ...] = ()
    for span in spans:
        first, last = _shifted(span.first, replaced), _shifted(span.last, replaced)
        inside = (offsets[:, 0] < last) & (offsets[:, 1] > first)
        positions = np.flatnonzero(inside).astype(np.int64)
        if not len(positions):
            raise ConversationError(
                "no token of this text is left in the prompt",
                where=f"{span.role} turn {span.turn}",
                remedy="shorten the conversation",
            )
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
