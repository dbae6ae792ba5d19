"""What one person has said and shown; nobody else gets at it, and it goes with the session."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from tam.errors import ResourceError
from tam.media.media import Media
from tam.model.chat import Chat

IDLE_SECONDS: Final = 3600
MOST_SESSIONS: Final = 32
MOST_MEDIA: Final = 8


@dataclass
class Session:
    """One person's conversation.

    Parameters
    ----------
    model
        The name of the model that answers.
    chat
        The conversation with it; None until something is said.
    waiting
        Pictures and clips that go with the next words.
    prompts, methods
        What was said before each reply, and which method explains it.
    used
        When it was last used, in seconds of a clock that only goes on.
    """

    model: str
    chat: Chat | None = None
    waiting: list[Media] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)
    used: float = 0.0
    busy: bool = False

    def begin(self, model: str) -> None:
        """Begin a new conversation with a model; what was said and shown is forgotten."""
        self.model, self.chat = model, None
        self.waiting.clear()
        self.prompts.clear()
        self.methods.clear()


class Sessions:
    """All sessions, by a key that only the person's browser knows.

    Parameters
    ----------
    model
        The model that a new session begins with.
    clock
        Gives the time in seconds.
    """

    def __init__(self, model: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._model = model
        self._clock = clock
        self._sessions: dict[str, Session] = {}

    def find(self, key: str | None) -> Session | None:
        """Give the session of a key, or None where it has none or was idle for too long."""
        now = self._clock()
        for old in [k for k, s in self._sessions.items() if now - s.used > IDLE_SECONDS]:
            del self._sessions[old]
        found = self._sessions.get(key) if key else None
        if found:
            found.used = now
        return found

    def begin(self) -> tuple[str, Session]:
        """Begin a session.

        Raises
        ------
        ResourceError
            If so many people are here that the machine's memory would not do.
        """
        if len(self._sessions) >= MOST_SESSIONS:
            raise ResourceError(
                f"{MOST_SESSIONS} people are here already", where="app", remedy="come back later"
            )
        key = secrets.token_urlsafe(32)
        session = self._sessions[key] = Session(self._model, used=self._clock())
        return key, session
