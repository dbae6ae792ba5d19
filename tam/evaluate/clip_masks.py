"""Measures of a map over a clip: region, contour and steadiness of the mask that it gives.

============  ====================================================================================
clip_region   J: intersection over union of the frame's mask and the object
clip_contour  F: F-measure of their contours, which match within 0.8 % of the diagonal
clip_both     J&F: the mean of the two (Perazzi et al. 2016, doi 10.1109/CVPR.2016.85)
clip_steady   how much a frame's mask has in common with the next one's, as a share of what the
              object's own masks have in common; at most 1 (this toolkit's)
============  ====================================================================================

The mask is the map above the Otsu threshold of the whole clip. Frames count in which the object is
seen; as in DAVIS's own evaluation, the first and the last one count only where there are no others.
"""

from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean

import cv2
import numpy as np
from numpy.typing import NDArray

from tam.evaluate.localization import Map
from tam.geometry.otsu import above_otsu

Mask = NDArray[np.bool_]

NAMES = ("clip_region", "clip_contour", "clip_both", "clip_steady")

_WITHIN = 0.008
"""The distance within which contours match, as a share of the diagonal."""


def clip_figures(heat: Map, mask: Mask, frames: int) -> dict[str, float | None]:
    """Measure a word's map of one clip.

    Parameters
    ----------
    heat, mask
        [frames · H, W]: the map, and the object's pixels; the frames are stacked vertically.
    frames
        The number of frames.

    Returns
    -------
    The figures by name. Those are None that no frame, or no two frames in a row, have the object
    for.
    """
    found = np.split(above_otsu(heat), frames)
    shown = np.split(mask, frames)
    inner = range(1, frames - 1) if frames > 2 else range(frames)
    seen = [index for index in inner if shown[index].any()]
    if not seen:
        seen = [index for index in range(frames) if shown[index].any()]
    regions = [_overlap(found[index], shown[index]) for index in seen]
    contours = [contour_f(found[index], shown[index]) for index in seen]
    steady = _steadiness(found, shown)
    return {
        "clip_region": fmean(regions) if seen else None,
        "clip_contour": fmean(contours) if seen else None,
        "clip_both": (fmean(regions) + fmean(contours)) / 2 if seen else None,
        "clip_steady": fmean(steady) if steady else None,
    }


def contour_f(found: Mask, shown: Mask) -> float:
    """Return the F-measure of the contours of two masks, bool [H, W].

    Precision is the share of the first one's contour that lies within a tolerance of the second
    one's, recall the share of the second one's near the first one's. The tolerance is 0.8 % of the
    diagonal, rounded up, as a disc. Two empty masks agree; an empty one and another do not.
    """
    first, second = contour(found), contour(shown)
    if not first.any() or not second.any():
        return float(first.any() == second.any())
    reach = int(np.ceil(_WITHIN * np.hypot(*found.shape)))
    offsets = np.arange(-reach, reach + 1)
    disc = (offsets[:, None] ** 2 + offsets[None] ** 2 <= reach**2).astype(np.uint8)
    near_first, near_second = (
        cv2.dilate(line.astype(np.uint8), disc) > 0 for line in (first, second)
    )
    precision = first[near_second].sum() / first.sum()
    recall = second[near_first].sum() / second.sum()
    total = precision + recall
    return float(2 * precision * recall / total) if total else 0.0


def contour(mask: Mask) -> Mask:
    """Return the pixels that differ from the next one to the right, below or diagonally below."""
    padded = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    right, below, across = padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]
    return np.asarray((mask != right) | (mask != below) | (mask != across))


def _steadiness(found: Sequence[Mask], shown: Sequence[Mask]) -> list[float]:
    """Return the share of each pair of neighboring frames in which the object can be compared."""
    shares = []
    for own, true in zip(pairwise(found), pairwise(shown), strict=True):
        common = _overlap(*true)
        if all(mask.any() for mask in true) and common > 0:
            shares.append(min(_overlap(*own) / common, 1.0))
    return shares


def _overlap(one: Mask, other: Mask) -> float:
    union = int((one | other).sum())
    return int((one & other).sum()) / union if union else 0.0
