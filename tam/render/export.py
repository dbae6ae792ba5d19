"""An explanation as a file for others: a contact sheet, a movie, a figure, a table."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from tam.errors import InputError
from tam.explanation.explanation import Explanation
from tam.explanation.word import Choice, Word
from tam.files.marks import PLACEHOLDER, is_marked, is_recorded, record_export
from tam.files.png import encode_png
from tam.files.writing import check_file, replacing_file
from tam.render.colors import DEFAULT_COLORS
from tam.render.gif import write_gif
from tam.render.movie import LARGEST, SECONDS, draw_movie, write_mp4
from tam.render.plot import plot
from tam.render.selection import chosen_words
from tam.render.sheet import contact_sheet
from tam.render.table import words_csv

KINDS: Final = {
    "sheet": ".png",
    "mp4": ".mp4",
    "gif": ".gif",
    "csv": ".csv",
    "pdf": ".pdf",
    "svg": ".svg",
}
"""What a file can be, and the suffix that says so."""


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
    """Write one file, what it holds by its suffix.

    ======== ============================================================
    ``.png`` a contact sheet, see :func:`tam.render.sheet.contact_sheet`
    ``.mp4`` a movie, see :func:`tam.render.movie.draw_movie`
    ``.gif`` the same, smaller
    ``.csv`` a table of all words, see :func:`tam.render.table.words_csv`
    ``.pdf`` a figure, see :func:`tam.render.plot.plot`
    ``.svg`` the same
    ======== ============================================================

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
        If what the file needs is not installed.
    ResourceError
        If the disk or the memory is full.
    """
    path = Path(path)
    kind = next((kind for kind, suffix in KINDS.items() if suffix == path.suffix.lower()), None)
    if kind is None:
        raise InputError(
            f"cannot write {path.suffix or 'a file without a suffix'}",
            where=str(path),
            remedy=f"name a file that ends in {', '.join(KINDS.values())}",
        )
    known = exported_before(record)
    check_file(path, force=force, known=known)
    chosen = chosen_words(explanation, words, together=together)
    with replacing_file(path, force=force, known=known) as temporary:
        _write(kind, explanation, temporary, chosen, media, colors, seconds)
        if kind == "csv" and record is not None:
            with suppress(OSError):  # a folder that is only read: the table is not known later
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


def _write(
    kind: str,
    explanation: Explanation,
    path: Path,
    words: Sequence[Word],
    media: int | None,
    colors: str,
    seconds: float,
) -> None:
    match kind:
        case "sheet":
            sheet = contact_sheet(explanation, words, media=media, colors=colors)
            path.write_bytes(encode_png(sheet, comment=PLACEHOLDER))
        case "csv":
            # With the mark that makes spreadsheets read UTF-8.
            path.write_text(words_csv(explanation), encoding="utf-8-sig", newline="")
        case "mp4" | "gif":
            drawn = draw_movie(
                explanation,
                words,
                media=media,
                seconds=seconds,
                largest=LARGEST[kind],
                colors=colors,
            )
            (write_mp4 if kind == "mp4" else write_gif)(drawn, path)
        case _:
            figure = plot(explanation, words, media=media, colors=colors)
            figure.savefig(path, metadata={"Keywords": PLACEHOLDER})
