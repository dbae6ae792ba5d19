"""Everything the toolkit raises on purpose.

::

    TamError
    ├── InputError            exit 2: what was given cannot be used
    │   ├── MediaError            a picture or clip: missing, damaged, too large, a URL
    │   ├── ConversationError     a prompt, an answer or a turn
    │   ├── ModelError            an unknown, refused or unreadable model
    │   ├── SavedFileError        a saved explanation that is damaged or of another version
    │   ├── OutputError           a folder that exists already or cannot be written
    │   └── NumericsError         states that are NaN or infinite, shapes that do not fit
    ├── SetupError            exit 3: something is missing from this machine
    └── ResourceError         exit 4: memory or disk ran out

Every message says what went wrong, where, and what to do about it.
"""


class TamError(Exception):
    """Base of every error that the toolkit raises on purpose.

    Parameters
    ----------
    what
        What went wrong, without a final full stop.
    where
        The file, turn, token or option that it happened at; empty when the whole call is meant.
    remedy
        What the reader can do about it.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what = what
        self.where = where
        self.remedy = remedy
        head = f"{where}: {what}" if where else what
        super().__init__(f"{head}; {remedy}" if remedy else head)


class InputError(TamError):
    """What was given cannot be used."""

    exit_code = 2


class MediaError(InputError):
    """A picture or clip cannot be used."""


class ConversationError(InputError):
    """A prompt, an answer or a turn cannot be used."""


class ModelError(InputError):
    """A model is unknown, refused or cannot be read."""


class SavedFileError(InputError):
    """A saved explanation is damaged, or of another version."""


class OutputError(InputError):
    """An output exists already or cannot be written."""


class NumericsError(InputError):
    """Numbers that no map can be made of: NaN, infinity, shapes that do not fit."""


class SetupError(TamError):
    """Something is missing from this machine."""

    exit_code = 3


class ResourceError(TamError):
    """Memory or disk ran out."""

    exit_code = 4
