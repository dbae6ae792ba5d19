"""Temporary files beside their targets, which the next run removes if this one is killed.

Each has a lock file beside it while its process works on it. A killed process leaves both; the next
process that writes into the same folder finds the lock free and removes the files that belong to
it. If the process was killed between two renames, the earlier file gets its name back.
"""

import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tam.files.locks import free_lock, lock_file

_LOCK = re.compile(r"\.tam-([0-9a-f]{16})\.lock")
_PART = re.compile(r"\.tam-[0-9a-f]{16}[.-][A-Za-z0-9]{1,8}")


@dataclass(frozen=True)
class Places:
    """Temporary names beside a target.

    Parameters
    ----------
    new
        The name of the file that becomes the target.
    old
        The name of the earlier file while the two are exchanged.
    """

    new: Path
    old: Path


@contextmanager
def places_beside(target: Path) -> Iterator[Places]:
    """Yield temporary names beside a target; files with these names are removed at the end.

    Raises
    ------
    OSError
        If the folder cannot be written to.
    """
    sweep(target.parent)
    mark = f".tam-{secrets.token_hex(8)}"
    suffix = target.suffix if re.fullmatch(r"\.[A-Za-z0-9]{1,8}", target.suffix) else ".new"
    places = Places(target.with_name(mark + suffix), target.with_name(f"{mark}-old"))
    lock = target.with_name(f"{mark}.lock")
    try:
        with lock_file(lock, target=target.name) as held:
            if not held:  # a file system without locks
                _remove(lock)
            try:
                yield places
            finally:
                _settle(places.old, target)
                for place in (places.new, places.old):
                    _remove(place)
    finally:
        _remove(lock)  # is still there if a signal came while it was made


def sweep(folder: Path) -> None:
    """Remove the temporary files of killed runs in a folder, and restore what they replaced.

    A file is removed only if it belongs to a lock file of this toolkit whose process has ended.
    """
    try:
        locks = [path for path in folder.iterdir() if _LOCK.fullmatch(path.name)]
    except OSError:
        return  # whatever uses the folder next reports why it cannot be read
    for path in locks:
        mark = path.name.removesuffix(".lock")
        with free_lock(path) as values:
            if values is None:
                continue
            target = values.get("target")
            if isinstance(target, str) and target == Path(target).name:
                _settle(folder / f"{mark}-old", folder / target)
            for left in [p for p in folder.iterdir() if p.name.startswith(mark)]:
                if _PART.fullmatch(left.name) and left != path:
                    _remove(left)


def is_temporary(name: str) -> bool:
    """Whether a file's name is that of a lock or a temporary file of this toolkit."""
    return name.startswith(".tam-")


def _settle(old: Path, target: Path) -> None:
    """Restore the earlier file if nothing has replaced it."""
    if old.exists() and not target.exists():
        with suppress(OSError):
            old.rename(target)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)
