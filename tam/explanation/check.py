"""Checks: the effect on a word of hiding the region that its map marks."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tam.text.printable import percent

__all__ = ["Check"]

REASONS = {
    "no-evidence": "its map marks no region of a picture",
    "too-large": "the marked region covers too much of the picture to compare it with others",
    "no-room": "too few regions of that shape fit elsewhere in the picture",
}
"""The reasons why a word cannot be checked."""

LEAST_SCORE = math.log(2)
"""The lowest score in nats at which a region counts as used: hiding it halves the word's
probability, relative to hiding other regions."""

_LEVEL = 0.95


def verdict(
    score: float, interval: tuple[float, float], threshold: float = LEAST_SCORE
) -> bool | None:
    """Decide whether the model used a region, from the loss of hiding it.

    Parameters
    ----------
    score
        The loss from hiding the region minus the mean loss from hiding a control, in nats.
    interval
        Its lower and upper bounds.
    threshold
        The lowest score at which a region counts as used.

    Returns
    -------
    bool or None
        True if the score reaches the threshold and the interval lies above 0; False if the whole
        interval lies below the threshold; otherwise None.
    """
    low, high = interval
    if score >= threshold and low > 0:
        return True
    return False if high < threshold else None


@dataclass(frozen=True)
class Check:
    """The effect on a word of hiding the region that its map marks, compared with other regions.

    All probabilities are joint probabilities of the word's tokens, with the reply unchanged
    (teacher forcing).

    Parameters
    ----------
    targets
        Indices of the word's tokens among the explanation's tokens.
    filler
        The replacement of the hidden pixels; see :mod:`tam.check.fillers`.
    before
        Log-probability of the word with the whole picture, in nats.
    without
        The same without the region; None if the word cannot be checked.
    elsewhere
        The same without each control, a region of the same shape elsewhere; empty if the word
        cannot be checked.
    reason
        A key of :data:`REASONS` if the word cannot be checked, else None.
    growth
        How far beyond its edge the region was hidden, as a share of the picture's shorter side.
    threshold
        The height from which the map marked a pixel, as a share of its maximum, or ``"otsu"``.
    """

    targets: tuple[int, ...]
    filler: str
    before: float
    without: float | None = None
    elsewhere: tuple[float, ...] = ()
    reason: str | None = None
    growth: float = 0.0
    threshold: float | str = "otsu"

    @property
    def score(self) -> float | None:
        """The loss from hiding the region minus the mean loss from hiding a control, in nats."""
        if self.without is None:
            return None
        return float(np.mean(self.elsewhere)) - self.without

    @cached_property
    def interval(self) -> tuple[float, float] | None:
        """Lower and upper bounds of the score at 95 %.

        ``score ± t √(1 + 1/n) s`` with Student's t for n - 1 degrees of freedom and the controls'
        standard deviation s. This is a prediction interval: the range in which one more control
        would fall. For a region like its controls, it contains 0 in 95 of 100 cases.
        """
        if self.score is None:
            return None
        from scipy.special import stdtrit

        count = len(self.elsewhere)
        quantile = float(stdtrit(count - 1, (1 + _LEVEL) / 2))
        half = quantile * math.sqrt(1 + 1 / count) * float(np.std(self.elsewhere, ddof=1))
        return self.score - half, self.score + half

    @property
    def used(self) -> bool | None:
        """Whether the model used what the map marks; see :func:`verdict`.

        None if that is undecided, or the word cannot be checked.
        """
        if self.score is None or self.interval is None:
            return None
        return verdict(self.score, self.interval)

    @property
    def sentence(self) -> str:
        """The result in words."""
        if self.without is None:
            return f"cannot be checked: {REASONS[self.reason or 'no-evidence']}"
        verdict = {
            True: "",
            False: "hiding the marked region matters little more than hiding another: ",
            None: "no verdict: ",
        }[self.used]
        before, without = percent(math.exp(self.before)), percent(math.exp(self.without))
        others = percent(math.exp(float(np.mean(self.elsewhere))))
        return (
            f"{verdict}without the marked region: {before} → {without}; "
            f"without one like it elsewhere: {others}"
        )
