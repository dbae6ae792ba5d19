"""The errors that the toolkit raises on purpose.

::

    TamError
    ├── InputError            exit 2: an input cannot be used
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

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from tam.text.printable import printable

__all__ = [
    "ConversationError",
    "InputError",
    "MediaError",
    "ModelError",
    "NumericsError",
    "OutputError",
    "ResourceError",
    "SavedFileError",
    "SetupError",
    "TamError",
]

_RESOURCES = frozenset(
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EFBIG", "ENOMEM", "EMFILE", "ENFILE")
    if hasattr(errno, name)
)


class TamError(Exception):
    """Base of every error that the toolkit raises on purpose.

    Its text is safe to print, without control characters.

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
        super().__init__(printable(f"{head}; {remedy}" if remedy else head))


class InputError(TamError):
    """An input cannot be used."""

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
    """Numbers are NaN or infinite, or their shapes do not fit."""


class SetupError(TamError):
    """Something is missing from this machine."""

    exit_code = 3


class ResourceError(TamError):
    """Memory or disk ran out."""

    exit_code = 4


@contextmanager
def os_errors_as_tam_errors(
    where: object,
    *,
    doing: str = "written",
    remedy: str = "choose a place that you may write to",
    kind: type[TamError] = OutputError,
) -> Iterator[None]:
    """Turn errors of the operating system into TamErrors that tell the user what to do.

    Parameters
    ----------
    where
        The file or folder.
    doing
        The operation: ``"written"`` or ``"read"``.
    remedy
        The remedy, if neither disk nor memory is full.
    kind
        The type of the error to raise then.

    Raises
    ------
    ResourceError
        If the disk, the memory or the table of open files is full.
    TamError
        An error of ``kind``, for every other error of the system.
    """
    try:
        yield
    except BrokenPipeError:
        raise  # the reader of the output has stopped, which is not an error
    except MemoryError as error:
        raise ResourceError(
            f"there is not enough memory for it to be {doing}",
            where=str(where),
            remedy="close other programs, or take smaller pictures",
        ) from error
    except OSError as error:
        raise from_os_error(error, where, doing=doing, remedy=remedy, kind=kind) from error
    except RuntimeError as error:
        if "Symlink loop" not in str(error):  # what pathlib raises before Python 3.13
            raise
        raise kind("is a symbolic link to itself", where=str(where), remedy=remedy) from error


def from_os_error(
    error: OSError,
    where: object,
    *,
    doing: str,
    remedy: str,
    kind: type[TamError] = InputError,
) -> TamError:
    """Make the TamError of an error of the operating system.

    Parameters
    ----------
    error
        The error of the system.
    where, doing, remedy, kind
        As in :func:`os_errors_as_tam_errors`.
    """
    reason = f"cannot be {doing}: {error.strerror or error}"
    if error.errno in _RESOURCES:
        kind, remedy = ResourceError, "free some space or memory, or choose another disk"
    return kind(reason, where=str(where), remedy=remedy)


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that the memory is full, whichever library raised it.

    torch's CPU allocator has no class of its own for this, and its message differs between systems;
    OpenCV and CUDA libraries raise a RuntimeError, too.
    """
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    told = str(error).lower()
    return isinstance(error, RuntimeError) and any(
        sign in told
        for sign in (
            "not enough memory",
            "can't allocate memory",
            "cannot allocate memory",
            "out of memory",
            "bad_alloc",
        )
    )
