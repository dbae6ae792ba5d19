"""Localization: measures of a map [H, W] against the mask of an object."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tam.geometry.otsu import above_otsu

Map = NDArray[np.floating]
Mask = NDArray[np.bool_]


def peak_in_object(heat: Map, mask: Mask) -> float:
    """Return 1 if the map's maximum lies in the mask, else 0; an all-zero map is a miss.

    Several equal maxima share the point: the result is the share of them inside the mask.
    """
    _check(heat, mask)
    top = heat.max()
    return float(mask[heat == top].mean()) if top > 0 else 0.0


def energy_in_object(heat: Map, mask: Mask) -> float:
    """Return the share of the map's heat inside the mask; 0 for an all-zero map."""
    _check(heat, mask)
    total = float(heat.sum(dtype=np.float64))
    return float(heat[mask].sum(dtype=np.float64)) / total if total > 0 else 0.0


def iou_at_otsu(heat: Map, mask: Mask) -> float:
    """Intersection over union of the mask with the map above its Otsu threshold.

    The map is quantised to 256 grey levels of its own range; a constant map covers nothing.
    """
    _check(heat, mask)
    above = above_otsu(heat)
    union = int((above | mask).sum())
    return int((above & mask).sum()) / union if union else 0.0


LEVELS: tuple[float, ...] = tuple(step / 10 for step in range(1, 10))
"""Thresholds of :func:`iou_curve`, as shares of a map's range."""


def iou_curve(heat: Map, mask: Mask, levels: Sequence[float] = LEVELS) -> NDArray[np.float64]:
    """Intersection over union of the mask with the map above each share of its own range.

    The mean of these curves over a data set gives, at its highest point, the mean IoU at the best
    single threshold for all maps of a method; at a level chosen in advance, it gives the mean IoU
    at that threshold.

    Returns
    -------
    float64 [levels]; zeros for a constant map.
    """
    _check(heat, mask)
    low, high = float(heat.min()), float(heat.max())
    if high <= low:
        return np.zeros(len(levels))
    scaled = (heat - low) / (high - low)
    above = scaled.ravel() > np.asarray(levels, np.float64)[:, None]
    flat = mask.ravel()
    return np.asarray((above & flat).sum(1) / np.maximum((above | flat).sum(1), 1))


def chance(mask: Mask) -> float:
    """Return the expected pointing score of a random map: the mask's share of the area."""
    return float(mask.mean())


def center_peak(mask: Mask) -> float:
    """Return the pointing score of the picture's centre, a control that ignores the picture."""
    height, width = mask.shape
    return float(mask[height // 2, width // 2])


def bootstrap_interval(
    values: Sequence[float],
    groups: Sequence[int] | None = None,
    *,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile bootstrap interval of a mean.

    Parameters
    ----------
    values : sequence of float
    groups : sequence of int, optional
        The scene of each value: whole scenes are drawn, since words of one scene are not
        independent. By default every value is its own group.
    level : float
        Share of the resampled means inside the interval.

    Returns
    -------
    (low, high); (nan, nan) for no values.
    """
    data = np.asarray(values, np.float64)
    if not len(data):
        return float("nan"), float("nan")
    _, index = np.unique(np.arange(len(data)) if groups is None else groups, return_inverse=True)
    sums = np.bincount(index, weights=data)
    counts = np.bincount(index)
    drawn = np.random.default_rng(seed).integers(0, len(sums), (resamples, len(sums)))
    means = sums[drawn].sum(1) / counts[drawn].sum(1)
    edge = (1 - level) / 2
    return float(np.quantile(means, edge)), float(np.quantile(means, 1 - edge))


def _check(heat: Map, mask: Mask) -> None:
    if heat.shape != mask.shape or heat.ndim != 2:
        raise ValueError(f"map {heat.shape} and mask {mask.shape} must be the same [H, W]")
