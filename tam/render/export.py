"""An explanation as a file for others: a contact sheet, a movie, a figure, a table."""

import inspect
from collections.abc import Sequence
from pathlib import Path

from tam.defaults import SECONDS
from tam.explanation.explanation import Explanation
from tam.explanation.word import Choice
from tam.files.kinds import kind_of
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
        Replace a file that is there.

    Returns
    -------
    The path.

    Raises
    ------
    InputError
        If the suffix, a word, the picture or the color map is unknown.
    OutputError
        If the file exists and ``force`` is off, or cannot be written.
    SetupError
        If what the file needs is not installed, or the package that adds the kind is broken.
    ResourceError
        If the disk or the memory is full.
    """
    path = Path(path)
    kind = kind_of(path)
    check_file(path, force=force)
    chosen = chosen_words(explanation, words, together=together)
    given = {"media": media, "colors": colors, "seconds": seconds}
    write = kind.load()
    takes = inspect.signature(write).parameters
    with replacing_file(path, force=force) as temporary:
        write(explanation, chosen, temporary, **{k: v for k, v in given.items() if k in takes})
    return path
