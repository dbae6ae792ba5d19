"""A conversation about pictures: turns of text and media."""

import reprlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tam.errors import ConversationError
from tam.media.media import Media

__all__ = ["Conversation", "TokenizedText", "Turn"]

ROLES = ("system", "user", "assistant")


@dataclass(frozen=True)
class TokenizedText:
    """A text with known token ids, such as a model's own reply.

    It enters a prompt as these ids, because decoding and tokenising it again could give others.
    """

    text: str
    ids: tuple[int, ...]


Part = str | TokenizedText | Media


@dataclass(frozen=True, eq=False, repr=False)
class Turn:
    """One turn: the role, and the pictures and texts in order.

    Raises
    ------
    ConversationError
        If the role is unknown or the turn is empty.
    """

    role: str
    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise ConversationError(
                f"unknown role {self.role!r}", where="turn", remedy=f"use one of {', '.join(ROLES)}"
            )
        for part in self.parts:
            _check_part(part, f"{self.role} turn")
        # A model may write only white space; in a user's turn that is a mistake.
        if not any(isinstance(part, Media) or _has_content(part) for part in self.parts):
            raise ConversationError(
                "the turn is empty", where=f"{self.role} turn", remedy="give a text or a picture"
            )

    @property
    def texts(self) -> tuple[str | TokenizedText, ...]:
        """The turn's texts, without its media."""
        return tuple(part for part in self.parts if not isinstance(part, Media))

    def __repr__(self) -> str:
        parts = (p if isinstance(p, Media) else reprlib.repr(spoken(p)) for p in self.parts)
        return f"<Turn of {self.role}: {', '.join(map(str, parts))}>"


def _has_content(text: str | TokenizedText) -> bool:
    return bool(text.ids) if isinstance(text, TokenizedText) else bool(text.strip())


def _check_part(part: object, where: str) -> None:
    if not isinstance(part, Media | TokenizedText):
        check_text(part, where)


def check_text(text: object, where: str) -> None:
    """Refuse anything that a tokenizer cannot read as text.

    Raises
    ------
    ConversationError
        If it is not text, or contains a lone surrogate. These come from JSON escapes, and from
        bytes on the command line that are not UTF-8.
    """
    if not isinstance(text, str):
        raise ConversationError(
            f"{type(text).__name__} is not text", where=where, remedy="give a str"
        )
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ConversationError(
            "the text contains a lone surrogate (half a character)",
            where=where,
            remedy="give valid Unicode text (UTF-8)",
        )


def spoken(text: str | TokenizedText) -> str:
    """Return the characters of a text part."""
    return text.text if isinstance(text, TokenizedText) else text


@dataclass(frozen=True, eq=False, repr=False)
class Conversation:
    """The turns so far; the model answers the last one."""

    turns: tuple[Turn, ...]

    @property
    def media(self) -> tuple[tuple[int, Media], ...]:
        """Each picture or clip, after the index of its turn, in the order of the conversation."""
        return tuple(
            (index, part)
            for index, turn in enumerate(self.turns)
            for part in turn.parts
            if isinstance(part, Media)
        )

    def messages(self) -> list[dict[str, Any]]:
        """Return the conversation in the message format of transformers' chat templates.

        Pictures and clips are content parts that hold only their type.
        """
        return [
            {
                "role": turn.role,
                "content": [
                    {"type": part.kind}
                    if isinstance(part, Media)
                    else {"type": "text", "text": spoken(part)}
                    for part in turn.parts
                ],
            }
            for turn in self.turns
        ]

    def __repr__(self) -> str:
        return f"<Conversation {list(self.turns)}>"


def question(media: Sequence[Media], prompt: str) -> Conversation:
    """Make a conversation of a single user turn: a question about some pictures.

    Raises
    ------
    ConversationError
        If the prompt has no words.
    """
    check_text(prompt, "prompt")
    if not prompt.strip():
        raise ConversationError(
            "the prompt is empty",
            where="prompt",
            remedy="ask something about the picture (--prompt)",
        )
    return Conversation((Turn("user", (*media, prompt)),))


def from_messages(messages: Any, open_media: Callable[..., Media]) -> Conversation:
    """Read the message format of transformers' chat templates.

    A message is ``{"role": ..., "content": ...}``; its content is a text, or a list of
    ``{"type": "text", "text": ...}`` and ``{"type": "image" or "video", "path": ...}``. The file
    may also be under ``"url"``, ``"image"`` or ``"video"``. A video part may choose its frames with
    ``"fps"``, ``"num_frames"``, ``"max_frames"``, ``"start"`` and ``"end"``.

    Parameters
    ----------
    messages
        Parsed JSON from an untrusted source.
    open_media
        A function that opens the file of a media part. For a picture it is called with only the
        name, for a clip also with ``kind="video"`` and the part's frame options.

    Raises
    ------
    ConversationError
        If the messages have another format, or the last turn is not the user's.
    """
    if not isinstance(messages, list) or not messages:
        raise _unreadable("conversation", "it must be a list of messages")
    turns = []
    for number, message in enumerate(messages, start=1):
        where = f"message {number}"
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise _unreadable(where, "it must have a role and a content")
        content = message.get("content")
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if not isinstance(parts, list):
            raise _unreadable(where, "its content is neither a text nor a list")
        turns.append(Turn(message["role"], tuple(_part(part, where, open_media) for part in parts)))
    if turns[-1].role != "user":
        raise _unreadable(f"message {len(turns)}", "the last message must be the user's")
    return Conversation(tuple(turns))


# The option names of tam.Sampling and those of Qwen's tools, mapped to the former.
_SAMPLING = {
    "fps": "fps",
    "num_frames": "num_frames",
    "nframes": "num_frames",
    "max_frames": "max_frames",
    "start": "start",
    "video_start": "start",
    "end": "end",
    "video_end": "end",
}


def _part(part: Any, where: str, open_media: Callable[..., Media]) -> Part:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "text" and isinstance(part.get("text"), str):
        text: str = part["text"]
        return text
    if kind in ("image", "video"):
        for name in ("path", "url", kind):
            if isinstance(part.get(name), str):
                if kind == "image":
                    return open_media(part[name])
                return open_media(part[name], kind="video", **_sampling(part, where))
    raise _unreadable(where, f"{str(part)[:80]!r} is neither a text nor a picture's path")


def _sampling(part: dict[str, Any], where: str) -> dict[str, float]:
    """Return the frame options of a video part."""
    sampling: dict[str, float] = {}
    for name, option in _SAMPLING.items():
        value = part.get(name)
        if value is None:
            continue
        whole = option in ("num_frames", "max_frames")
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            raise _unreadable(where, f"its {name} is not a {'whole ' if whole else ''}number")
        sampling[option] = value
    return sampling


def _unreadable(where: str, what: str) -> ConversationError:
    return ConversationError(
        what, where=where, remedy="see the message format of transformers' chat templates"
    )
