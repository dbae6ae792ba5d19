"""Media files: open them safely, and give them names that are safe to print."""

import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from tam.errors import MediaError


@dataclass(frozen=True)
class MediaFile:
    """A picture or clip in a file or in memory, which can be read any number of times.

    Parameters
    ----------
    where
        Its name in error messages, without control characters.
    name
        Its display name: the last part of its path or address.
    path
        Its path, or None for one that was fetched.
    content
        Its bytes, if there is no path.
    """

    where: str
    name: str
    path: Path | None = None
    content: bytes = field(default=b"", repr=False)

    @property
    def suffix(self) -> str:
        """The suffix of the name in lower case, such as ``".mp4"``."""
        return Path(self.name).suffix.lower()

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """Open the file for reading.

        Raises
        ------
        MediaError
            If the file is missing, empty, not a regular file, or not readable.
        """
        with BytesIO(self.content) if self.path is None else _open(self.path, self.where) as stream:
            yield stream


def local_file(path: str | Path) -> MediaFile:
    """Make a handle to a local file, without opening it."""
    return MediaFile(printable(str(path)), display_name(str(path)), Path(path))


def display_name(source: str) -> str:
    """Return the last part of a path, for display."""
    return printable(re.split(r"[\\/]", source.rstrip("\\/"))[-1]) or "image"


def printable(text: str) -> str:
    """Return a text without control characters."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _open(path: Path, where: str) -> BinaryIO:
    if not where.strip():
        raise MediaError("the path is empty", where="image", remedy="give the path of a picture")
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise MediaError("is a folder", where=where, remedy="give the path of one picture")
        if not stat.S_ISREG(status.st_mode):
            # Reading a pipe or a device could block or never end.
            raise MediaError("is not a regular file", where=where, remedy="save it to a file first")
        if status.st_size == 0:
            raise MediaError("the file is empty", where=where, remedy="give another file")
        return path.open("rb")
    except FileNotFoundError as error:
        raise MediaError("no such file", where=where, remedy="check the path") from error
    except PermissionError as error:
        raise MediaError(
            "no permission to read it", where=where, remedy="change the file's permissions"
        ) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise MediaError(
            f"cannot be read ({reason})", where=where, remedy="check the path"
        ) from error
