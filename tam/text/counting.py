"""How words, turns, pictures, clips and frames are counted.

People count from 1: these numbers stand wherever a person reads or types them, which is on the
command line, in the terminal, in the report and the app, in messages and in file names. Programs
count from 0: these indices are those of Python, ``--json``, tables (CSV), saved files and the
report's address.
"""

from typing import Final

from tam.errors import InputError

RULE: Final = (
    "Words, turns, pictures and frames are counted from 1 here, and from 0 in Python and in --json."
)
"""The rule as ``--help`` says it."""


def number_of(index: int) -> int:
    """Give the number, for people, of what has an index."""
    return index + 1


def index_of(number: int, count: int, name: str, where: str) -> int:
    """Give the index of what a person names by its number.

    Parameters
    ----------
    number
        What the person typed.
    count
        How many there are.
    name
        What one of them is called, such as ``"word"``.
    where
        Where it was typed, such as ``"--word"``.

    Raises
    ------
    InputError
        If none of them has that number.

    Examples
    --------
    >>> index_of(1, 2, "word", "--word")
    0
    """
    if 1 <= number <= count:
        return number - 1
    there = f"1 to {count}" if count > 1 else "1" if count else "none"
    raise InputError(
        f"there is no {name} {number}", where=where, remedy=f"the numbers here are: {there}"
    )
