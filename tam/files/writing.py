"""Writing files: whole or not at all, and never over what must stay."""

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
    """Give a temporary file that takes the name ``path`` when the block ends without an exception.

    What was written gets the toolkit's mark where its kind of file can hold one, see
    :mod:`tam.files.marks`.

    Raises
    ------
    OutputError, ResourceError
        As :func:`check_file`, and in the place of what the system says.
    """
    with os_errors_as_tam_errors(path), places_beside(path) as places:
        yield places.new
        write_mark(places.new)
        check_file(path, force=force, known=known)  # something may have come there meanwhile
        places.new.replace(path)


def check_file(path: Path, *, force: bool, known: Callable[[Path], bool] = is_marked) -> None:
    """Refuse a file that must not be written, before any work is done for it.

    Parameters
    ----------
    force
        Replace what the toolkit wrote, and nothing else.
    known
        Whether a file that is there is the toolkit's.

    Raises
    ------
    OutputError
        If it exists and is not to be replaced, is a folder, or its folder does not exist.
    """
    with os_errors_as_tam_errors(path):
        if path.is_dir() or not path.parent.is_dir():
            what = "is a folder" if path.is_dir() else "lies in a folder that does not exist"
            raise OutputError(what, where=str(path), remedy="name a file in a folder that exists")
        if not path.exists() and not path.is_symlink():
            return
        if not (path.is_file() and known(path)):
            raise OutputError(
                "exists already, and is not a file that tam wrote and nobody changed since",
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
    """Give a temporary file that takes the place of a file of the toolkit's own folder.

    Raises
    ------
    OutputError, ResourceError
        In the place of what the system says.
    """
    with os_errors_as_tam_errors(path), places_beside(path) as places:
        yield places.new
        places.new.replace(path)
