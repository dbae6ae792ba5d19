"""An explanation as a file for others: a contact sheet, a movie, a figure, a table."""

import inspect
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from tam.defaults import SECONDS
from tam.explanation.explanation import Explanation
from tam.explanation.word import Choice
from tam.files.kinds import kind_of
from tam.files.marks import is_marked, is_recorded, record_export
from tam.files.writing import check_file, replacing_file
from tam.render.colors import DEFAULT_COLORS
from tam.render.selection import chosen_words


def export(
    explanation: Explanation,
    path: str | Path,
    words: Sequence[Choice] | None = None,
    *,
    together: bool = False,
    media: int | None = None,
    colors: str = DEFAULT_COLORS,
    seconds: float = SECONDS,
    force: bool = False,
    record: Path | None = None,
) -> Path:
    """Write one file, whose suffix says what it holds.

    A suffix of the table :mod:`tam.files.kinds`, or one that another package adds.

    Parameters
    ----------
    path
        Written under a temporary name and renamed.
    words, together
        Which words, see :func:`tam.render.selection.chosen_words`; a table always has all.
    media
        Which picture or clip alone.
    colors
        Name of the color map.
    seconds
        How long a movie shows each word over stills.
    force
        Replace an earlier export that nobody changed since. A foreign file is never replaced.
    record
        Folder of the saved explanation: what a table in CSV is known by is noted there.

    Returns
    -------
    The path.

    Raises
    ------
    InputError
        If the suffix, a word, the picture or the color map is unknown.
    OutputError
        If the file exists and is not to be replaced, or cannot be written.
    SetupError
        If what the file needs is not installed, or the package that adds the kind is broken.
    ResourceError
        If the disk or the memory is full.
    """
    path = Path(path)
    kind = kind_of(path)
    known = exported_before(record)
    check_file(path, force=force, known=known)
    chosen = chosen_words(explanation, words, together=together)
    given = {"media": media, "colors": colors, "seconds": seconds}
    write = kind.load()
    takes = inspect.signature(write).parameters
    with replacing_file(path, force=force, known=known) as temporary:
        write(explanation, chosen, temporary, **{k: v for k, v in given.items() if k in takes})
        if record is not None and not kind.marked:
            with suppress(OSError):  # a folder that is only read: the file is not known later
                record_export(record, temporary)
    return path


def exported_before(record: Path | None) -> Callable[[Path], bool]:
    """Give the test for a file that :func:`export` wrote and nobody changed since.

    Parameters
    ----------
    record
        See :func:`export`.
    """
    return lambda path: is_marked(path) or (record is not None and is_recorded(record, path))
