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
import sys
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
    """Base class of every error that the toolkit raises on purpose.

    The message contains no control characters, so it is safe to print.

    Parameters
    ----------
    what
        What went wrong, without a final full stop.
    where
        The file, turn, token or option at fault; empty if the error concerns the whole call.
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
    """Convert operating system errors into TamErrors that tell the user what to do.

    Parameters
    ----------
    where
        The file or folder.
    doing
        The operation: ``"written"`` or ``"read"``.
    remedy
        The remedy to suggest if neither the disk nor the memory is full.
    kind
        The type of error to raise in that case.

    Raises
    ------
    ResourceError
        If the disk or memory is full, or too many files are open.
    TamError
        An error of type ``kind``, for every other operating system error.
    """
    try:
        yield
    except BrokenPipeError:
        raise  # the reader closed the pipe, which is not an error
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
    """Convert an operating system error into a TamError.

    Parameters
    ----------
    error
        The operating system error.
    where, doing, remedy, kind
        As in :func:`os_errors_as_tam_errors`.
    """
    reason = f"cannot be {doing}: {error.strerror or error}"
    if error.errno in _RESOURCES:
        kind, remedy = ResourceError, "free some space or memory, or choose another disk"
    return kind(reason, where=str(where), remedy=remedy)


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether an error from any library means that memory ran out.

    torch's CPU allocator has no exception class for this, and its message differs between
    platforms; OpenCV and CUDA libraries raise a RuntimeError, too.
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


@contextmanager
def ended_in_one_line() -> Iterator[None]:
    """End a program whose block raises a TamError: its message on standard error, and its status.

    For programs beside the command line, which are started with ``python -m``.
    """
    try:
        yield
    except TamError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
