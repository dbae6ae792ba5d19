"""The smallest part of an area that holds a part of what lies on it."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]

# Values that are sorted at once.
_FEW: Final = 512


def smallest_part(values: Values, held: float) -> float | None:
    """Return the smallest share of all values whose sum is at least a part of the whole.

    The values are halved until a few are left to sort: the higher half holds enough, or it is
    counted and the rest is looked for in the lower one.

    Parameters
    ----------
    values
        float32 [P], not negative.
    held
        The part of their sum, in (0, 1].

    Returns
    -------
    The share in (0, 1], or None if all are zero.

    Examples
    --------
    >>> smallest_part(np.array([1, 6, 0, 3], np.float32), 0.85)
    0.5
    """
    total = float(values.sum(dtype=np.float64))
    if total <= 0:
        return None
    enough, above, count, rest = held * total, 0.0, 0, values
    while len(rest) > _FEW:
        middle = len(rest) // 2
        halves = np.partition(rest, middle)
        upper = float(halves[middle:].sum(dtype=np.float64))
        if above + upper >= enough:
            rest = halves[middle:]
        else:
            above, count, rest = above + upper, count + len(rest) - middle, halves[:middle]
    reached = above + np.cumsum(np.sort(rest)[::-1], dtype=np.float64) >= enough
    # The sums are rounded, so that even all of them may stay a little below.
    last = int(np.argmax(reached)) if reached.any() else len(rest) - 1
    return (count + last + 1) / len(values)


def smallest_share(values: Values, weights: NDArray[np.float64], held: float) -> float | None:
    """Return the same where each value stands for an area of its own, its weight.

    Parameters
    ----------
    weights
        float64 [P], above 0.
    """
    order = np.argsort(-values, kind="stable")
    sums = np.cumsum(values[order].astype(np.float64) * weights[order])
    if sums[-1] <= 0:
        return None
    enough = int(np.argmax(sums >= held * sums[-1])) + 1
    return float(weights[order][:enough].sum() / weights.sum())
