"""The table of exports: the kinds of file that an explanation can be written to.

Reading the table imports none of the functions in it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tam.errors import InputError
from tam.extensions import EXPORTS as GROUP
from tam.extensions import Extension, extensions
from tam.resolver import resolve
from tam.text.nearest import suggestion


@dataclass(frozen=True)
class Kind:
    """A row of the table: a kind of file.

    Parameters
    ----------
    name
        The name that ``--as`` takes.
    suffix
        The suffix of its files; for a kind from another package, a dot and its name.
    summary
        What the file holds, in one line.
    function
        ``"module:function"``, imported when it is needed. It is called with an explanation, the
        chosen words and the path to write to, and with ``media``, ``frame``, ``colors`` and
        ``seconds`` if it has parameters of these names.
    marked
        Whether its files hold the mark of :mod:`tam.files.marks`; other files are recorded in the
        folder of the saved explanation.
    package
        The package that adds it; empty for the toolkit's kinds.
    error
        Why it cannot be used; empty if it can.
    extension
        The entry point of a kind from another package.
    """

    name: str
    suffix: str
    summary: str
    function: str
    marked: bool = True
    package: str = ""
    error: str = ""
    extension: Extension | None = None

    def load(self) -> Callable[..., Any]:
        """Import and return its function."""
        if self.extension is not None:
            return self.extension.load()
        function: Callable[..., Any] = resolve(self.function)
        return function


_TABLE = (
    Kind("sheet", ".png", "a contact sheet of the words", "tam.render.writers:sheet"),
    Kind("png", ".png", "one word's map over its picture", "tam.render.writers:picture"),
    Kind("mp4", ".mp4", "a movie, word by word", "tam.render.writers:movie"),
    Kind("gif", ".gif", "the same movie, smaller", "tam.render.writers:movie"),
    Kind("csv", ".csv", "a table of all words", "tam.render.writers:csv", marked=False),
    Kind("pdf", ".pdf", "a figure", "tam.render.writers:figure"),
    Kind("svg", ".svg", "the same figure", "tam.render.writers:figure"),
)

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in _TABLE}
"""The toolkit's own kinds by name."""


def listed_kinds() -> list[Kind]:
    """List the toolkit's kinds, then those of other packages, without importing any."""
    taken = {*KINDS, *(kind.suffix.removeprefix(".") for kind in KINDS.values())}
    return [*KINDS.values(), *map(_row, extensions(GROUP, taken))]


def kind_named(name: str) -> Kind:
    """Return the kind with a name.

    Raises
    ------
    InputError
        If the name is unknown.
    """
    kinds = {kind.name: kind for kind in listed_kinds()}
    if name not in kinds:
        raise InputError(f"unknown kind {name!r}", where="--as", remedy=suggestion(name, kinds))
    return kinds[name]


def kind_of(path: Path) -> Kind:
    """Return the kind of a file by its suffix; for ``.png`` that is the sheet.

    Raises
    ------
    InputError
        If no kind has that suffix.
    """
    kinds = listed_kinds()
    for kind in kinds:
        if kind.suffix == path.suffix.lower():
            return kind
    suffixes = dict.fromkeys(kind.suffix for kind in kinds)
    raise InputError(
        f"cannot write {path.suffix or 'a file without a suffix'}",
        where=str(path),
        remedy=f"use a file name that ends in {', '.join(suffixes)}",
    )


def _row(extension: Extension) -> Kind:
    return Kind(
        extension.name,
        f".{extension.name}",
        "an export of another package",
        extension.value,
        False,
        extension.package,
        extension.error,
        extension,
    )
