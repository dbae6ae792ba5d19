"""Sessions: each holds one user's conversation and media, which no other user can access.

A session and everything in it are deleted after an hour without use.
"""

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
    """One user's conversation.

    Parameters
    ----------
    model
        The name of the model that answers.
    chat
        The conversation with it; None before the first question.
    waiting
        Pictures and clips to send with the next question.
    prompts, methods
        The question before each reply, and the method that explains it.
    used
        Time of the last use, in seconds of a monotonic clock.
    busy
        Whether a reply is being generated.
    """

    model: str
    chat: Chat | None = None
    waiting: list[Media] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)
    used: float = 0.0
    busy: bool = False

    def begin(self, model: str) -> None:
        """Begin a new conversation with a model; the earlier one and its media are deleted."""
        self.model, self.chat = model, None
        self.waiting.clear()
        self.prompts.clear()
        self.methods.clear()


class Sessions:
    """All sessions, by a key that only the user's browser knows.

    Parameters
    ----------
    model
        The model that a new session begins with.
    clock
        A monotonic clock, in seconds.
    """

    def __init__(self, model: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._model = model
        self._clock = clock
        self._sessions: dict[str, Session] = {}

    def find(self, key: str | None) -> Session | None:
        """Return the session of a key, or None if it is unknown or has expired."""
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
            If the limit of concurrent sessions, which bounds memory, is reached.
        """
        if len(self._sessions) >= MOST_SESSIONS:
            raise ResourceError(
                f"{MOST_SESSIONS} sessions are open already", where="app", remedy="try again later"
            )
        key = secrets.token_urlsafe(32)
        session = self._sessions[key] = Session(self._model, used=self._clock())
        return key, session
