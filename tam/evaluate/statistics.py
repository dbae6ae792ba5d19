"""Means with bootstrap intervals, and paired comparisons of two methods.

The resampled unit is the item (a picture with its text): words of one item are not independent.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A figure and the interval around it."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Pooled:
    """One measure over a data set, in a form that allows items to be resampled.

    Parameters
    ----------
    sums, counts
        float64 [items]: sum and number of each item's values; an item may have none.
    """

    sums: NDArray[np.float64]
    counts: NDArray[np.float64]

    def means(self, drawn: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the mean over the values of each draw's items, int64 [n, items]: float64 [n]."""
        counts = self.counts[drawn].sum(1)
        with np.errstate(invalid="ignore"):
            return np.asarray(self.sums[drawn].sum(1) / np.where(counts > 0, counts, np.nan))


def pool(values: list[list[float]]) -> Pooled:
    """Pool each item's values; NaN (a measure that is undefined for a word) is left out."""
    kept = [[value for value in item if not np.isnan(value)] for item in values]
    return Pooled(
        np.array([sum(item) for item in kept], np.float64),
        np.array([len(item) for item in kept], np.float64),
    )


def draws(items: int, *, resamples: int = RESAMPLES, seed: int = 0) -> NDArray[np.int64]:
    """Return item indices, int64 [resamples + 1, items]: each item once, then random draws.

    Items are drawn with replacement. Using the same draws for two methods makes their comparison a
    paired one.
    """
    drawn = np.random.default_rng(seed).integers(0, items, (resamples, items))
    return np.concatenate([np.arange(items)[None], drawn])


def aurocs(
    higher: Sequence[NDArray[np.float64]],
    lower: Sequence[NDArray[np.float64]],
    drawn: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return for each draw how well a score tells two kinds of values apart.

    Parameters
    ----------
    higher, lower
        For each of I items, its values of the kind that should score higher, and of the other.
    drawn
        int64 [n, I] from :func:`draws`.

    Returns
    -------
    float64 [n]: the AUROC over all pairs, also of values of different items. NaN if a draw has no
    pair.
    """
    count = len(higher)
    high, low = (np.concatenate([*found, np.zeros(0)]) for found in (higher, lower))
    above = (high[:, None] > low[None]) + 0.5 * (high[:, None] == low[None])
    owners = [np.repeat(np.arange(count), list(map(len, found))) for found in (higher, lower)]
    wins = np.zeros((count, count))
    np.add.at(wins, np.ix_(*owners), above)
    counts = np.stack([np.bincount(row, minlength=count) for row in drawn]).astype(np.float64)
    numbers = [np.array(list(map(len, found)), np.float64) for found in (higher, lower)]
    pairs = (counts @ numbers[0]) * (counts @ numbers[1])
    total = np.einsum("ni,ij,nj->n", counts, wins, counts, optimize=True)
    return np.asarray(total / np.where(pairs > 0, pairs, np.nan))


def interval(means: NDArray[np.float64], level: float = LEVEL) -> Interval:
    """Return the percentile bootstrap interval of a figure over :func:`draws`.

    The first entry is the figure itself. The interval is NaN if nothing was measured.
    """
    drawn = means[1:][~np.isnan(means[1:])]
    if np.isnan(means[0]) or not len(drawn):
        return Interval(float("nan"), float("nan"), float("nan"))
    edge = (1 - level) / 2
    low, high = np.quantile(drawn, [edge, 1 - edge])
    return Interval(float(means[0]), float(low), float(high))


def wilcoxon_p(first: Pooled, second: Pooled) -> float:
    """Return the two-sided p of Wilcoxon's signed-rank test on the means of the shared items.

    It is 1 if no item differs, or none is shared.
    """
    from scipy.stats import wilcoxon

    both = (first.counts > 0) & (second.counts > 0)
    difference = first.sums[both] / first.counts[both] - second.sums[both] / second.counts[both]
    if not np.any(difference):
        return 1.0
    return float(wilcoxon(difference).pvalue)
