"""Otsu's threshold, which divides a map into a high and a low class."""

import numpy as np
from numpy.typing import NDArray


def above_otsu(heat: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Give the part of a map above its Otsu threshold, on 256 grey levels of its own range.

    Parameters
    ----------
    heat
        float [...], NaN where not known; such values count as the lowest.

    Returns
    -------
    bool [...]; all False if the map is all equal.
    """
    known = heat[~np.isnan(heat)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    if high <= low:
        return np.zeros(heat.shape, bool)
    level = (np.where(np.isnan(heat), low, heat) - low) * (255 / (high - low))
    grey = level.astype(np.uint8)
    above: NDArray[np.bool_] = grey > otsu_threshold(grey)
    return above


def otsu_threshold(grey: NDArray[np.uint8]) -> int:
    """Grey level that divides an image into two classes of the greatest variance between them.

    Otsu, "A threshold selection method from gray-level histograms", 1979: levels up to and
    including the result are one class.
    """
    counts = np.bincount(grey.ravel(), minlength=256).astype(np.float64)
    below = np.cumsum(counts)
    moment = np.cumsum(counts * np.arange(256))
    above = below[-1] - below
    parted = (below > 0) & (above > 0)
    if not parted.any():
        return 255
    lower = moment / np.where(parted, below, 1)
    upper = (moment[-1] - moment) / np.where(parted, above, 1)
    return int(np.argmax(np.where(parted, below * above * (upper - lower) ** 2, -1)))
