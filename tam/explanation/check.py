"""A word's map held against what the model used: the region that it marks was hidden."""

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
"""Why a word cannot be checked."""

LEAST_SCORE = math.log(2)
"""The model used a region whose hiding costs a word at least this more than that of others does, in
nats: half of its probability."""

_LEVEL = 0.95


def verdict(
    score: float, interval: tuple[float, float], threshold: float = LEAST_SCORE
) -> bool | None:
    """Say whether the model used a region, by what hiding it costs.

    Parameters
    ----------
    score
        Loss by hiding the region less the mean loss by hiding a control, in nats.
    interval
        Its lower and upper bound.
    threshold
        From which score on a region counts as used.

    Returns
    -------
    True where the score reaches the threshold and the interval lies above 0; False where the whole
    interval lies below the threshold; None where neither is so.
    """
    low, high = interval
    if score >= threshold and low > 0:
        return True
    return False if high < threshold else None


@dataclass(frozen=True)
class Check:
    """What hiding the region that a word's map marks does to the word, beside other regions.

    All probabilities are those of the word's tokens together, read with the reply as it stands
    (teacher forcing).

    Parameters
    ----------
    targets
        The word: indices of its tokens among the explanation's tokens.
    filler
        What the regions were hidden with, see :mod:`tam.check.fillers`.
    before
        Log-probability of the word with the whole picture, in nats.
    without
        The same without the region; None where the word cannot be checked.
    elsewhere
        The same without each control: a region of the same shape elsewhere. Empty where the word
        cannot be checked.
    reason
        A key of :data:`REASONS` where the word cannot be checked, else None.
    """

    targets: tuple[int, ...]
    filler: str
    before: float
    without: float | None = None
    elsewhere: tuple[float, ...] = ()
    reason: str | None = None

    @property
    def score(self) -> float | None:
        """Loss by hiding the region less the mean loss by hiding a control, in nats."""
        if self.without is None:
            return None
        return float(np.mean(self.elsewhere)) - self.without

    @cached_property
    def interval(self) -> tuple[float, float] | None:
        """Lower and upper bound of the score at 95 %.

        ``score ± t √(1 + 1/n) s`` with Student's t for n - 1 degrees of freedom and the controls'
        standard deviation s: the interval in which one more control would fall (a prediction
        interval). A region that is like its controls has 0 inside in 95 of 100 cases.
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
        """Whether the model used what the map marks, see :func:`verdict`.

        None where that cannot be told, or the word cannot be checked.
        """
        if self.score is None or self.interval is None:
            return None
        return verdict(self.score, self.interval)

    @property
    def sentence(self) -> str:
        """What was found, for people."""
        if self.without is None:
            return f"cannot be checked: {REASONS[self.reason or 'no-evidence']}"
        verdict = {
            True: "",
            False: "the map is not what the model used: ",
            None: "no verdict: ",
        }[self.used]
        before, without = percent(math.exp(self.before)), percent(math.exp(self.without))
        others = percent(math.exp(float(np.mean(self.elsewhere))))
        return (
            f"{verdict}without the marked region: {before} → {without}; "
            f"without one like it elsewhere: {others}"
        )
