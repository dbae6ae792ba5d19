"""Exports of an explanation: a contact sheet, a movie, a figure or a table."""

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
    """Write one file of the kind that its suffix names.

    The suffix is one of the table :mod:`tam.files.kinds`, or one that another package adds.

    Parameters
    ----------
    path
        The file, which is written under a temporary name and renamed.
    words, together
        The words, as in :func:`tam.render.selection.chosen_words`; a table always has all.
    media
        Index of the only picture or clip to draw; None for all.
    colors
        Name of the color map.
    seconds
        Seconds for which a movie shows each word over stills.
    force
        Replace an earlier export that nobody has changed. Any other file is never replaced.
    record
        Folder of the saved explanation, in which CSV tables are noted to be recognised later.

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
        If a library that the file needs is missing, or the package that adds the kind is broken.
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
            with suppress(OSError):  # a read-only folder: the file is not recognised later
                record_export(record, temporary)
    return path


def exported_before(record: Path | None) -> Callable[[Path], bool]:
    """Give a test for files that :func:`export` wrote and nobody has changed.

    Parameters
    ----------
    record
        As in :func:`export`.
    """
    return lambda path: is_marked(path) or (record is not None and is_recorded(record, path))
