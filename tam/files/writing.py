"""Writing files: whole or not at all, and never over what must stay."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tam.errors import OutputError, os_errors_as_tam_errors


@contextmanager
def replacing_file(path: Path, *, force: bool) -> Iterator[Path]:
    """Give a temporary file that takes the name ``path`` when the block ends without an exception.

    Raises
    ------
    OutputError, ResourceError
        In the place of what the system says.
    """
    with os_errors_as_tam_errors(path):
        temporary = path.with_name(f".tam-{secrets.token_hex(4)}{path.suffix}")
        try:
            yield temporary
            check_file(path, force=force)  # something may have come there meanwhile
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def check_file(path: Path, *, force: bool) -> None:
    """Refuse a file that must not be written, before any work is done for it.

    Raises
    ------
    OutputError
        If it exists and ``force`` is off, is a folder, or its folder does not exist.
    """
    if path.is_dir() or not path.parent.is_dir():
        what = "is a folder" if path.is_dir() else "lies in a folder that does not exist"
        raise OutputError(what, where=str(path), remedy="name a file in a folder that exists")
    if path.exists() and not force:
        raise OutputError(
            "exists already",
            where=str(path),
            remedy="name another file, or replace it with --force",
        )
