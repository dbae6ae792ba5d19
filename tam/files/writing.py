"""Atomic writing of files, which never replaces a file that the toolkit did not write."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tam.errors import OutputError, os_errors_as_tam_errors
from tam.files.marks import is_marked, write_mark
from tam.files.temporary import places_beside


@contextmanager
def replacing_file(
    path: Path, *, force: bool, known: Callable[[Path], bool] = is_marked
) -> Iterator[Path]:
    """Yield a temporary path that is renamed to ``path`` if the block ends without an exception.

    The file gets the toolkit's mark if its kind can hold one, see :mod:`tam.files.marks`.

    Raises
    ------
    OutputError, ResourceError
        As in :func:`check_file`, and in place of operating system errors.
    """
    with os_errors_as_tam_errors(path), places_beside(path) as places:
        yield places.new
        write_mark(places.new)
        check_file(path, force=force, known=known)  # it may have appeared in the meantime
        places.new.replace(path)


def check_file(path: Path, *, force: bool, known: Callable[[Path], bool] = is_marked) -> None:
    """Refuse a path that must not be written to, before any work is done for it.

    Parameters
    ----------
    force
        Whether to replace a file that the toolkit wrote.
    known
        A predicate: whether the toolkit wrote an existing file.

    Raises
    ------
    OutputError
        If the path exists and must not be replaced, is a folder, or its folder does not exist.
    """
    with os_errors_as_tam_errors(path):
        if path.is_dir() or not path.parent.is_dir():
            what = "is a folder" if path.is_dir() else "lies in a folder that does not exist"
            raise OutputError(what, where=str(path), remedy="name a file in a folder that exists")
        if not path.exists() and not path.is_symlink():
            return
        if not (path.is_file() and known(path)):
            raise OutputError(
                "exists already, and is not an unchanged file that tam wrote",
                where=str(path),
                remedy="name another file with --out",
            )
        if not force:
            raise OutputError(
                "exists already",
                where=str(path),
                remedy="name another file, or replace it with --force",
            )


@contextmanager
def rewriting_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path that replaces a file in the toolkit's own folder.

    Raises
    ------
    OutputError, ResourceError
        In place of operating system errors.
    """
    with os_errors_as_tam_errors(path), places_beside(path) as places:
        yield places.new
        places.new.replace(path)
