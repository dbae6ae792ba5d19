"""Typed reading of an untrusted JSON document.

Each method returns a value of the type in its name, or raises SavedFileError with the value's path.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from tam.errors import SavedFileError
from tam.files.reading import read_json

REMEDY = "the file is damaged or was changed; save the explanation again"
FAR = 1e7
"""The largest accepted coordinate in pixels, and the largest accepted time or axis position."""

_LARGEST_INTEGER = 2**53
_DEEPEST = 16


@dataclass(frozen=True)
class Field:
    """One value of a document and its path.

    Parameters
    ----------
    value
        The parsed value.
    file
        Name of the file, for messages.
    path
        The value's path in the document, such as ``tokens[3].text``.
    """

    value: Any
    file: str
    path: str = ""

    def __getitem__(self, key: str) -> "Field":
        """Return a member of an object."""
        if not isinstance(self.value, dict):
            self.refuse("is not an object")
        path = f"{self.path}.{key}" if self.path else key
        if key not in self.value:
            Field(None, self.file, path).refuse("is missing")
        return Field(self.value[key], self.file, path)

    def items(self) -> Iterator["Field"]:
        """Iterate over an array."""
        if not isinstance(self.value, list):
            self.refuse("is not an array")
        for index, value in enumerate(self.value):
            yield Field(value, self.file, f"{self.path}[{index}]")

    def text(self) -> str:
        """Return a string."""
        if not isinstance(self.value, str):
            self.refuse("is not a string")
        text: str = self.value
        return text

    def integer(self, low: int, high: int = _LARGEST_INTEGER) -> int:
        """Return a whole number, ``low <= number <= high``."""
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            self.refuse("is not a whole number")
        if not low <= self.value <= high:
            self.refuse(f"is {_short(self.value)}, not within {low} and {high}")
        number: int = self.value
        return number

    def number(self, low: float, high: float) -> float:
        """Return a number, ``low <= number <= high``."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            self.refuse("is not a number")
        if not low <= self.value <= high:  # also true for NaN
            self.refuse(f"is {_short(self.value)}, not within {low:g} and {high:g}")
        return float(self.value)

    def object(self) -> dict[str, Any]:
        """Return an object whose members are not checked, except for the depth of nesting."""
        if not isinstance(self.value, dict):
            self.refuse("is not an object")
        if not _is_shallow(self.value, _DEEPEST):
            self.refuse(f"is nested deeper than {_DEEPEST} levels")
        members: dict[str, Any] = self.value
        return members

    def refuse(self, what: str) -> NoReturn:
        """Raise SavedFileError for this value."""
        raise SavedFileError(
            f"{self.path or 'the document'} {what}", where=self.file, remedy=REMEDY
        )


def read_document(path: Path) -> Field:
    """Read and parse a JSON file.

    Raises
    ------
    SavedFileError
        If the file is missing, unreadable, too large, not a regular file, or not JSON (NaN and
        infinity are not).
    """
    remedy = REMEDY if path.exists() else "give the folder that `tam explain --out` or `save` wrote"
    return Field(read_json(path, remedy=remedy), path.name)


def _is_shallow(value: Any, levels: int) -> bool:
    members = value.values() if isinstance(value, dict) else value
    if not isinstance(value, dict | list):
        return True
    return levels > 0 and all(_is_shallow(member, levels - 1) for member in members)


def _short(number: float) -> str:
    if isinstance(number, int) and abs(number) > _LARGEST_INTEGER:
        return "an enormous number"
    return "not a number" if math.isnan(number) else f"{number}"
