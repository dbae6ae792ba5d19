"""Otsu's threshold, which divides a map into a high and a low class."""

import numpy as np
from numpy.typing import NDArray


def above_otsu(heat: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return where a map is above its Otsu threshold, quantised to 256 grey levels of its range.

    Parameters
    ----------
    heat
        float [...], NaN where unknown; unknown values count as the lowest.

    Returns
    -------
    ndarray
        bool [...]; all False if the map is constant.
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
    """Return the grey level that maximises the variance between the two classes of an image.

    Levels up to and including the result form one class (Otsu, "A threshold selection method from
    gray-level histograms", 1979).
    """
    counts = np.bincount(grey.ravel(), minlength=256).astype(np.float64)
    below = np.cumsum(counts)
    moment = np.cumsum(counts * np.arange(256))
    above = below[-1] - below
    split = (below > 0) & (above > 0)
    if not split.any():
        return 255
    lower = moment / np.where(split, below, 1)
    upper = (moment[-1] - moment) / np.where(split, above, 1)
    return int(np.argmax(np.where(split, below * above * (upper - lower) ** 2, -1)))
