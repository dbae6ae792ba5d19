"""A conversation about pictures: turns of text and media."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tam.errors import ConversationError
from tam.media.media import Media

ROLES = ("system", "user", "assistant")


@dataclass(frozen=True)
class Written:
    """A text that exists as token ids, such as a model's own reply.

    It goes into a prompt as these ids: decoding and tokenising again could give others.
    """

    text: str
    ids: tuple[int, ...]


Part = str | Written | Media


@dataclass(frozen=True, eq=False)
class Turn:
    """One turn: who speaks, and the pictures and texts in their order.

    Raises
    ------
    ConversationError
        If the role is unknown or there is nothing in it.
    """

    role: str
    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise ConversationError(
                f"unknown role {self.role!r}", where="turn", remedy=f"use one of {', '.join(ROLES)}"
            )
        if not any(isinstance(part, Media) or spoken(part).strip() for part in self.parts):
            raise ConversationError(
                "the turn is empty", where=f"{self.role} turn", remedy="give a text or a picture"
            )

    @property
    def texts(self) -> tuple[str | Written, ...]:
        """The turn's texts, without its media."""
        return tuple(part for part in self.parts if not isinstance(part, Media))


def spoken(text: str | Written) -> str:
    """What a text part says."""
    return text.text if isinstance(text, Written) else text


@dataclass(frozen=True, eq=False)
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


def question(media: Sequence[Media], prompt: str) -> Conversation:
    """Ask one question about some pictures: a conversation of one user turn.

    Raises
    ------
    ConversationError
        If the prompt has no words.
    """
    if not prompt.strip():
        raise ConversationError(
            "the prompt is empty", where="prompt", remedy="ask something about the picture"
        )
    return Conversation((Turn("user", (*media, prompt)),))
