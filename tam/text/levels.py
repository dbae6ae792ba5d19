"""Levels of text: groups of words that are measured or explained together.

========  ======================================================================
word      each word alone
phrase    content words that follow one another directly, such as "red circle"
sentence  all content words of the reply together
========  ======================================================================
"""

from collections.abc import Sequence

from tam.errors import InputError

LEVELS = ("word", "phrase", "sentence")
"""The levels, from the smallest group to the largest."""


def check_level(level: str) -> None:
    """Refuse an unknown level.

    Raises
    ------
    InputError
        If it is unknown. The message lists the levels.
    """
    if level not in LEVELS:
        raise InputError(
            f"unknown level {level!r}", where="level", remedy=f"use one of {', '.join(LEVELS)}"
        )


def grouped(numbers: Sequence[int], level: str) -> list[list[int]]:
    """Group words at a level; there is no group without words.

    Parameters
    ----------
    numbers
        The places of content words among all words of the reply, ascending.
    level
        One of :data:`LEVELS`.

    Returns
    -------
    The groups, each as indices into ``numbers``.

    Examples
    --------
    >>> grouped([1, 2, 5], "phrase"), grouped([1, 2, 5], "sentence")
    ([[0, 1], [2]], [[0, 1, 2]])
    """
    check_level(level)
    groups: list[list[int]] = []
    for index, number in enumerate(numbers):
        follows = index > 0 and (level == "sentence" or number == numbers[index - 1] + 1)
        if follows and level != "word":
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups
