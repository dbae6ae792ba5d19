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
    """A text that exists as token ids, such as a model's own reply.

    It enters a prompt as these ids, because decoding and tokenising again could give others.
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
        # A model may write white space alone; in a user's turn it is a mistake.
        if not any(isinstance(part, Media) or _says_something(part) for part in self.parts):
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


def _says_something(text: str | TokenizedText) -> bool:
    return bool(text.ids) if isinstance(text, TokenizedText) else bool(text.strip())


def _check_part(part: object, where: str) -> None:
    if not isinstance(part, Media | TokenizedText):
        check_text(part, where)


def check_text(text: object, where: str) -> None:
    """Refuse anything that a tokenizer cannot read as text.

    Raises
    ------
    ConversationError
        If it is not text, or holds a lone surrogate, which JSON and the command line make of bytes
        that are not UTF-8.
    """
    if not isinstance(text, str):
        raise ConversationError(
            f"{type(text).__name__} is not text", where=where, remedy="give a str"
        )
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ConversationError(
            "the text holds half a character (a surrogate)",
            where=where,
            remedy="give it in valid Unicode (UTF-8)",
        )


def spoken(text: str | TokenizedText) -> str:
    """The characters of a text part."""
    return text.text if isinstance(text, TokenizedText) else text


@dataclass(frozen=True, eq=False, repr=False)
class Conversation:
    """The turns so far; the model answers the last one."""

    turns: tuple[Turn, ...]

    @property
    def media(self) -> tuple[tuple[int, Media], ...]:
        """Every picture or clip with the index of its turn, in the order of the conversation."""
        return tuple(
            (index, part)
            for index, turn in enumerate(self.turns)
            for part in turn.parts
            if isinstance(part, Media)
        )

    def messages(self) -> list[dict[str, Any]]:
        """The messages format of transformers' chat templates, with a marker for each media."""
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
    """Make a conversation of one user turn: a question about some pictures.

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
    """Read the messages format of transformers' chat templates.

    A message is ``{"role": ..., "content": ...}``; its content is a text, or a list of
    ``{"type": "text", "text": ...}`` and ``{"type": "image" or "video", "path": ...}``; the file
    may also stand under ``"url"``, ``"image"`` or ``"video"``. A video part may say which frames
    are taken: ``"fps"``, ``"num_frames"``, ``"max_frames"``, ``"start"``, ``"end"``.

    Parameters
    ----------
    messages
        Parsed JSON, which is not trusted.
    open_media
        A function that opens the file of a media part. It is called with the name alone for a
        picture, and with ``kind="video"`` and the part's frame options for a clip.

    Raises
    ------
    ConversationError
        If the format is another one, or the last turn is not the user's.
    """
    if not isinstance(messages, list) or not messages:
        raise _unreadable("conversation", "a list of messages is wanted")
    turns = []
    for number, message in enumerate(messages, start=1):
        where = f"message {number}"
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise _unreadable(where, "a role and a content are wanted")
        content = message.get("content")
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if not isinstance(parts, list):
            raise _unreadable(where, "its content is neither a text nor a list")
        turns.append(Turn(message["role"], tuple(_part(part, where, open_media) for part in parts)))
    if turns[-1].role != "user":
        raise _unreadable(f"message {len(turns)}", "the last message must be the user's")
    return Conversation(tuple(turns))


# The names of tam.Sampling, and those that Qwen's own tools write.
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
    """What a video part says of the frames that are taken."""
    given: dict[str, float] = {}
    for name, meaning in _SAMPLING.items():
        value = part.get(name)
        if value is None:
            continue
        whole = meaning in ("num_frames", "max_frames")
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            raise _unreadable(where, f"its {name} is not a {'whole ' if whole else ''}number")
        given[meaning] = value
    return given


def _unreadable(where: str, what: str) -> ConversationError:
    return ConversationError(
        what, where=where, remedy="see the messages format of transformers' chat templates"
    )
