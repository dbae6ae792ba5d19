"""The numbering of words, turns, pictures, clips and frames.

People count from 1. Numbers from 1 are used wherever a person reads or types them: on the command
line, in the terminal, the report and the app, in messages and in file names. Programs count from 0.
Indices from 0 are used in Python, ``--json``, tables (CSV), saved files and the report's URL.
"""

from typing import Final

from tam.errors import InputError

RULE: Final = (
    "Words, turns, pictures and frames are counted from 1 here, and from 0 in Python and in --json."
)
"""The rule, as stated in ``--help``."""


def number_of(index: int) -> int:
    """Return the number from 1 that people use for an index from 0."""
    return index + 1


def index_of(number: int, count: int, name: str, where: str) -> int:
    """Return the index from 0 of an item that a person names by its number from 1.

    Parameters
    ----------
    number
        The number that the person typed.
    count
        How many items there are.
    name
        The name of the kind of item, such as ``"word"``.
    where
        The option or command in which it was typed, such as ``"--word"``.

    Raises
    ------
    InputError
        If no item has that number.

    Examples
    --------
    >>> index_of(1, 2, "word", "--word")
    0
    """
    if 1 <= number <= count:
        return number - 1
    raise InputError(
        f"{name} {number} is out of range (1 to {count})" if count else f"there are no {name}s",
        where=where,
        remedy="give another number" if count else "leave it out",
    )
