"""Texts that enter a prompt as known ids: a model's own words, and markers meant literally."""

from bisect import bisect_left
from itertools import accumulate
from typing import Any

from tam.errors import ConversationError
from tam.families.processor import Processor
from tam.prompt.conversation import Conversation, TokenizedText, spoken
from tam.prompt.template import Segment
from tam.prompt.tokenizer_lock import tokenizer_lock
from tam.text.counting import number_of
from tam.text.tokenizer import Tokenizer
from tam.text.words import decode_pieces


def plain_ids(tokenizer: Tokenizer, text: str) -> list[int]:
    """Tokenise a text with its markers as plain characters, not special tokens."""
    with tokenizer_lock(tokenizer):
        ids = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    return list(ids)


_MARKERS = (
    "image_token",
    "image_placeholder_token",
    "video_token",
    "audio_token",
    "boi_token",
    "eoi_token",
)


def marker_texts(processor: Processor) -> set[str]:
    """Return the texts that the tokenizer or the processor reads as markers, not as words."""
    tokenizer = processor.tokenizer
    markers = set(tokenizer.all_special_tokens)
    markers |= {token.content for token in tokenizer.added_tokens_decoder.values() if token.special}
    for name in _MARKERS:
        marker = getattr(processor, name, None)
        if isinstance(marker, str):
            markers.add(marker)
    return {marker for marker in markers if marker.strip()}


def harmless_messages(conversation: Conversation, markers: set[str]) -> list[dict[str, Any]]:
    """Return the conversation's messages with the markers in its texts replaced.

    The replacement keeps the template and the processor from acting on the markers. The texts that
    contain them are inserted into the prompt afterwards, as ids (see :func:`known_ids`).
    """
    messages = conversation.messages()
    for message in messages:
        for part in message["content"]:
            for marker in sorted(markers, key=len, reverse=True) if "text" in part else ():
                part["text"] = part["text"].replace(marker, "?" * len(marker))
    return messages


def known_ids(
    tokenizer: Tokenizer, segment: Segment, text: str | TokenizedText, markers: set[str]
) -> list[int] | None:
    """Return the known ids of a segment, or None if the tokenizer's ids are right.

    Raises
    ------
    ConversationError
        If the template rewrites a text that contains a marker.
    """
    first, last = segment.source
    source = spoken(text)[first:last]
    marked = any(marker in source for marker in markers)
    if segment.exact and isinstance(text, TokenizedText):
        return _ids_within(tokenizer, text, first, last)
    if marked and not segment.exact:
        raise ConversationError(
            "the model's chat template rewrites this text, which contains a special token",
            where=f"{segment.role} turn {number_of(segment.turn)}",
            remedy="leave the special token out",
        )
    return plain_ids(tokenizer, source) if marked else None


def _ids_within(
    tokenizer: Tokenizer, text: TokenizedText, first: int, last: int
) -> list[int] | None:
    """Return the ids of a range of characters; tokens that it cuts are tokenised again."""
    if (first, last) == (0, len(text.text)):
        return list(text.ids)
    pieces = decode_pieces(tokenizer, text.ids)
    if "".join(pieces) != text.text:
        return plain_ids(tokenizer, text.text[first:last])
    starts = list(accumulate(map(len, pieces), initial=0))
    begin, end = bisect_left(starts, first), bisect_left(starts, last)
    if starts[end] > last:
        end -= 1
    if begin > end:
        return plain_ids(tokenizer, text.text[first:last])
    head, tail = text.text[first : starts[begin]], text.text[starts[end] : last]
    return [
        *(plain_ids(tokenizer, head) if head else ()),
        *text.ids[begin:end],
        *(plain_ids(tokenizer, tail) if tail else ()),
    ]
