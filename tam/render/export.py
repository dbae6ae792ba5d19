"""Export an explanation as a picture, a contact sheet, a movie, a figure or a table."""

import inspect
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from tam.defaults import SECONDS
from tam.errors import InputError
from tam.explanation.explanation import Explanation
from tam.explanation.word import Choice
from tam.files.kinds import kind_named, kind_of
from tam.files.marks import is_marked, is_recorded, record_export
from tam.files.writing import check_file, replacing_file
from tam.render.colors import DEFAULT_COLORS
from tam.render.selection import chosen_words


def export(
    explanation: Explanation,
    path: str | Path,
    words: Sequence[Choice] | None = None,
    *,
    kind: str | None = None,
    together: bool = False,
    media: int | None = None,
    frame: int | None = None,
    colors: str = DEFAULT_COLORS,
    seconds: float = SECONDS,
    force: bool = False,
    record: Path | None = None,
) -> Path:
    """Write a file of a kind listed in :mod:`tam.files.kinds` or added by another package.

    Parameters
    ----------
    path
        The file, which is written under a temporary name and renamed.
    kind
        The kind of file; None to infer it from the suffix, where ``.png`` means ``sheet``.
    words, together
        The words, as in :func:`tam.render.selection.chosen_words`; a table always contains all.
    media
        Index of the only picture or clip to draw; None for all.
    frame
        Index of the clip's frame that ``png`` draws; None for the one where the map is highest.
    colors
        Name of the color map.
    seconds
        How long a movie of still pictures shows each word, in seconds.
    force
        Whether to replace an earlier export that has not been changed. Other files are never
        replaced.
    record
        Folder of the saved explanation, in which exported CSV tables are recorded so that they can
        be recognised later.

    Returns
    -------
    The path.

    Raises
    ------
    InputError
        If the kind, a word, the picture or the color map is unknown, if a frame is given for a kind
        that draws several, or if ``png`` is requested for several words or pictures.
    OutputError
        If the file exists and must not be replaced, or cannot be written.
    SetupError
        If a library that the file needs is missing, or the package that adds the kind is broken.
    ResourceError
        If the disk or the memory is full.
    """
    path = Path(path)
    row = kind_of(path) if kind is None else kind_named(kind)
    known = exported_before(record)
    check_file(path, force=force, known=known)
    chosen = chosen_words(explanation, words, together=together)
    given = {"media": media, "frame": frame, "colors": colors, "seconds": seconds}
    write = row.load()
    takes = inspect.signature(write).parameters
    if frame is not None and "frame" not in takes:
        raise InputError(
            f"one frame cannot be chosen for {row.name}",
            where="frame",
            remedy="leave it out, or ask for png",
        )
    with replacing_file(path, force=force, known=known) as temporary:
        write(explanation, chosen, temporary, **{k: v for k, v in given.items() if k in takes})
        if record is not None and not row.marked:
            with suppress(OSError):  # in a read-only folder the file cannot be recognised later
                record_export(record, temporary)
    return path


def exported_before(record: Path | None) -> Callable[[Path], bool]:
    """Return a predicate for files that :func:`export` wrote and that are unchanged since.

    Parameters
    ----------
    record
        As in :func:`export`.
    """
    return lambda path: is_marked(path) or (record is not None and is_recorded(record, path))
