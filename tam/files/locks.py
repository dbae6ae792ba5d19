"""File locks that are released when their process ends, and that name their holder."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tam.errors import OutputError
from tam.files.reading import read_json

_MARK = "tam.lock"

if sys.platform == "win32":
    import msvcrt

    def _try_to_lock(number: int) -> bool:
        try:
            # A byte far after the text, so that others can still read the text.
            os.lseek(number, 2**30, os.SEEK_SET)
            msvcrt.locking(number, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(number, 0, os.SEEK_SET)
        return True
else:
    import fcntl

    def _try_to_lock(number: int) -> bool:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


@contextmanager
def lock_file(path: Path, **values: str) -> Iterator[bool]:
    """Hold a lock while the block runs; the system releases it when the process ends.

    Parameters
    ----------
    path
        The lock file, which is removed at the end.
    **values
        Further values to write into it, besides the process id and the machine's name.

    Yields
    ------
    Whether the lock is held; False if another process holds it.
    """
    number = _locked(path)
    if number is None:
        yield False
        return
    try:
        content = {"mark": _MARK, "process": os.getpid(), "machine": _machine(), **values}
        os.ftruncate(number, 0)
        os.write(number, json.dumps(content).encode())
        yield True
    finally:
        with suppress(OSError):
            path.unlink()
        os.close(number)


@contextmanager
def free_lock(path: Path) -> Iterator[dict[str, Any] | None]:
    """Take over the lock of a process that has ended, and remove its file at the end.

    Yields
    ------
    The values in the lock file. None if its process still runs, may run on another machine, or the
    file is not a lock of this toolkit; the file is then kept.
    """
    values = lock_holder(path)
    ours = values is not None and values.get("machine", _machine()) == _machine()
    number = _locked(path, create=False) if ours else None
    if number is None:
        yield None
        return
    try:
        yield values
        with suppress(OSError):
            path.unlink()
    finally:
        os.close(number)


def lock_holder(path: Path) -> dict[str, Any] | None:
    """Return the values in a lock file; None if the file is not a lock of this toolkit.

    The result is empty if the file is empty, because its process had no time to write.
    """
    try:
        if path.stat().st_size == 0:
            return {}
        values = read_json(path, remedy="", kind=OutputError, limit=4096)
    except (OutputError, OSError):
        return None
    return values if isinstance(values, dict) and values.get("mark") == _MARK else None


def _locked(path: Path, *, create: bool = True) -> int | None:
    """Open and lock a file; return its descriptor, or None if it cannot be locked."""
    for _ in range(10):
        try:
            number = os.open(path, os.O_RDWR | (os.O_CREAT if create else 0), 0o644)
        except FileNotFoundError:
            return None
        if not _try_to_lock(number):
            os.close(number)
            return None
        try:
            if os.path.samestat(os.fstat(number), path.stat()):
                return number
        except FileNotFoundError:
            pass
        os.close(number)  # the previous holder removed the file in the meantime
    return None


def _machine() -> str:
    import platform

    return platform.node()
