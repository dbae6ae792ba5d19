"""Faithfulness of a map: a word's probability on pictures edited in the order of its heat.

Everything here works on arrays and on a function that returns a word's log-probability on edited
frames, independent of any model; :mod:`tam.evaluate.rerun` binds it to one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tam.check.fillers import filled

Frames = NDArray[np.uint8]
Heat = NDArray[np.floating]
Score = Callable[[Sequence[Frames]], NDArray[np.float64]]
"""Log-probability of a word [B] on each of B edited versions of its picture, uint8 [T, H, W, 3]."""

STEPS = 8
LEAST_GAIN = float(np.log(2))
"""A word is measured if the picture makes it at least twice as probable as the filler does."""


@dataclass(frozen=True)
class Faithfulness:
    """Areas under the insertion and the deletion curve of one map.

    Parameters
    ----------
    insertion
        In [0, 1], higher is better: how fast the word's probability rises as the picture is
        revealed on top of the filler, its hottest pixels first.
    deletion
        In [0, 1], lower is better: how much of the probability remains as pixels are replaced,
        the hottest first.
    gain
        Log-probability of the word on the whole picture minus that on the filler alone.
    """

    insertion: float
    deletion: float
    gain: float


def faithfulness(
    frames: Frames,
    heat: Heat,
    score: Score,
    *,
    filler: str = "blur",
    steps: int = STEPS,
    seed: int = 0,
) -> Faithfulness | None:
    """Measure insertion and deletion of one word's map.

    Petsiuk et al., "RISE", 2018, with the word's log-probability under teacher forcing in place of
    a class score. It is normalised to 0 on the filler and 1 on the picture, and clipped to this
    range, so that a step that makes the word even likelier than the whole picture does gets 1.

    Parameters
    ----------
    frames
        uint8 [T, H, W, 3].
    heat
        [T, H, W]; pixels of equal heat are taken in random order.
    score
        Called once, with all 2 * steps edited versions.
    filler
        The replacement of pixels: ``"blur"``, the picture blurred by a Gaussian of an eighth of its
        shorter side, or ``"mean"``, its mean color.
    steps
        The number of steps in which area is added or removed: at step i, (i / steps)² of the
        picture, so the first steps are small. Objects are small, and a map that covers one in its
        first hundredth of the area is better than one that needs a tenth; equal steps would not
        distinguish them.

    Returns
    -------
    The two areas, or None if the word hardly depends on the picture (see ``LEAST_GAIN``).
    """
    inserted, deleted = both_ways(frames, filled(frames, filler), heat, score, steps, seed=seed)
    shares, none, full = shares_of(steps), inserted[0], inserted[-1]
    if full - none < LEAST_GAIN:
        return None
    insertion, deletion = (
        float(np.trapezoid(np.clip((values - none) / (full - none), 0, 1), shares))
        for values in (inserted, deleted)
    )
    return Faithfulness(insertion=insertion, deletion=deletion, gain=float(full - none))


def both_ways(
    frames: Frames, blank: Frames, heat: Heat, score: Score, steps: int, *, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Score a picture while it is revealed and while it is hidden, the hottest pixels first.

    Parameters
    ----------
    frames, blank
        uint8 [T, H, W, 3]: the picture, and what its hidden pixels show.
    heat
        [T, H, W]; pixels of equal heat are taken in random order.
    score
        Called once with all 2 * steps edited versions; returns [B, ...].
    steps
        The number of steps; :func:`shares_of` has their ends.

    Returns
    -------
    Both [steps + 1, ...]: the scores from ``blank`` to the picture, and back to ``blank``.
    """
    order, shares = ranked(heat, seed), shares_of(steps)
    shown = [mixed(frames, blank, order, share) for share in shares]
    hidden = [mixed(blank, frames, order, share) for share in shares[1:-1]]
    found = score([*shown, *hidden])
    inserted, between = found[: steps + 1], found[steps + 1 :]
    return inserted, np.concatenate([inserted[-1:], between, inserted[:1]])


def ranked(heat: Heat, seed: int = 0) -> NDArray[np.int64]:
    """Rank the pixels, int64 in the map's shape: 0 is the hottest, ties are in random order."""
    chance = np.random.default_rng(seed).random(heat.size)
    order = np.lexsort((chance, -heat.ravel()))
    ranks = np.empty(heat.size, np.int64)
    ranks[order] = np.arange(heat.size)
    return ranks.reshape(heat.shape)


def shares_of(steps: int) -> NDArray[np.float64]:
    """Return the shares of the picture at the ends of the steps, (i / steps)²: [steps + 1]."""
    return np.asarray(np.linspace(0, 1, steps + 1) ** 2)


def mixed(inside: Frames, outside: Frames, order: NDArray[np.int64], share: float) -> Frames:
    """Return ``inside`` at the first ``share`` of the ranked pixels, ``outside`` elsewhere."""
    chosen = order < round(share * order.size)
    return np.where(chosen[..., None], inside, outside)


def sensitivity(heat: Heat, disturbed: Sequence[Heat]) -> float:
    """Return how much a map changes under small changes of its picture.

    Yeh et al., "On the (in)fidelity and sensitivity of explanations", 2019: the largest distance
    of a disturbed map from the original, here relative to the original's norm. NaN for an all-zero
    map.
    """
    norm = float(np.linalg.norm(heat))
    if norm == 0:
        return float("nan")
    return max(float(np.linalg.norm(other - heat)) for other in disturbed) / norm


def noisy(frames: Frames, seed: int, strength: float = 4.0) -> Frames:
    """Add uniform noise of at most ``strength`` grey levels (of 255) to a picture."""
    noise = np.random.default_rng(seed).uniform(-strength, strength, frames.shape)
    return np.asarray(np.clip(frames + noise + 0.5, 0, 255), np.uint8)


def rank_correlation(first: Heat, second: Heat) -> float:
    """Spearman's rank correlation of two maps, in [-1, 1]; 0 if one of them is constant.

    Adebayo et al., "Sanity checks for saliency maps", 2018: the map of a model whose weights were
    shuffled should have little in common with the map of the intact model.
    """
    from scipy.stats import rankdata

    ranks = [rankdata(heat.ravel()) for heat in (first, second)]
    centered = [rank - rank.mean() for rank in ranks]
    norm = float(np.linalg.norm(centered[0]) * np.linalg.norm(centered[1]))
    return float(centered[0] @ centered[1]) / norm if norm > 0 else 0.0
