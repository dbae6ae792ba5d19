"""Rules that merge the maps of several tokens into the map of a word or a phrase.

==========  ==================================================================================
maximum     the maximum: in each cell, the token that has the most evidence there
first       the map of the first token only
weighted    the mean, with each token weighted by the probability that the model gave it
geometric   the geometric mean: cells with evidence for all of the tokens; for a phrase, those of
            its content words, if it has any
==========  ==================================================================================

``benchmarks/phrases.py`` compares them on pictures with known masks. The geometric mean points
best, because each word of a phrase narrows down its meaning, while the maximum also shows its least
certain word. For everything that a long reply mentions, use the maximum.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tam.errors import InputError

Maps = NDArray[np.float32]

GREY_LEVEL = 1 / 255
"""A constant that is added to all maps before the geometric mean and subtracted after it."""


def merged(maps: Maps, weights: Maps, rule: str) -> Maps:
    """Merge the maps of T tokens, float32 [T, N], into one, [N].

    Parameters
    ----------
    maps
        float32 [T, N] in [0, 1]: one row for each token.
    weights
        float32 [T]: the tokens' probabilities; 1 for a token that was given.
    rule
        One of ``MERGES``.

    Raises
    ------
    InputError
        If the rule is unknown.

    Examples
    --------
    >>> merged(np.array([[0, 1], [1, 0.5]], "f4"), np.array([1, 0.5], "f4"), "maximum").tolist()
    [1.0, 1.0]
    """
    if rule not in MERGES:
        raise InputError(
            f"unknown merge rule {rule!r}", where="merge", remedy=f"use {', '.join(MERGES)}"
        )
    return MERGES[rule](maps, weights).astype(np.float32)


def _weighted(maps: Maps, weights: Maps) -> Maps:
    # Normalise the weights first, in float64, because products with tiny probabilities underflow.
    precise = weights.astype(np.float64)
    total = precise.sum()
    mean: Maps = precise / total @ maps if total > 0 else maps.mean(axis=0)
    return mean


def _geometric(maps: Maps, _weights: Maps) -> Maps:
    # Offset by one grey level, so that a single token without evidence does not blank a phrase.
    mean: Maps = np.exp(np.log(maps.astype(np.float64) + GREY_LEVEL).mean(axis=0)) - GREY_LEVEL
    return mean


MERGES: dict[str, Callable[[Maps, Maps], Maps]] = {
    "maximum": lambda maps, _: maps.max(axis=0),
    "first": lambda maps, _: maps[0],
    "weighted": _weighted,
    "geometric": _geometric,
}
