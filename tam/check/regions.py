"""The region that a word's map marks, and others of the same shape."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tam.explanation.word import Word

Mask = NDArray[np.bool_]

LARGEST = 0.4
"""A region that covers a larger share of the picture leaves no room for controls."""


@dataclass(frozen=True, eq=False)
class Region:
    """Pixels of one picture or clip.

    Parameters
    ----------
    media
        Index of the picture or clip.
    mask
        bool [T, H, W].
    """

    media: int
    mask: Mask


def marked(word: Word, threshold: float | str = "otsu") -> Region | None:
    """Return the region that a word's map marks.

    It is the map's mask (see :mod:`tam.explanation.strength`) in the picture where the map is
    highest; for a clip, the mask of every frame.

    Parameters
    ----------
    word
        The word.
    threshold
        ``"otsu"``, or the height from which a pixel is marked, as a share of the map's maximum.

    Returns
    -------
    The region, or None if the map is unknown, zero, or nowhere above its threshold.
    """
    peak = word.peak()
    if peak is None:
        return None
    height = threshold if isinstance(threshold, str) else threshold * peak.value
    frames = range(len(word.explanation.media[peak.media].frames))
    masks = [word.mask(peak.media, frame, height) for frame in frames]
    mask = np.stack([found for found in masks if found is not None])
    return Region(peak.media, mask) if mask.any() else None


def grown(region: Region, share: float) -> Region:
    """Widen a region on all sides by a share of the picture's shorter side."""
    import cv2

    by = round(share * min(region.mask.shape[1:]))
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * by + 1, 2 * by + 1))
    frames = [cv2.dilate(frame.astype(np.uint8), disk) > 0 for frame in region.mask]
    return Region(region.media, np.stack(frames))


def elsewhere(mask: Mask, seen: Mask, count: int, seed: int) -> list[Mask]:
    """Move a region to other places of its picture: its controls.

    Parameters
    ----------
    mask
        bool [T, H, W]: the region. All frames are moved together.
    seen
        bool [H, W]: the pixels that the model sees. Controls stay inside the rectangle around them.
    count
        The number of controls.
    seed
        Seed of the random choice among all possible places. Controls may overlap each other.

    Returns
    -------
    The controls, bool [T, H, W] each: the region moved by whole pixels, entirely inside and without
    overlap with the region itself; fewer than ``count`` if there are not enough places.
    """
    height, width = mask.shape[1:]
    rows, columns = (np.flatnonzero(mask.any((0, axis))) for axis in (2, 1))
    top, left = (np.flatnonzero(seen.any(axis)) for axis in (1, 0))
    if not len(rows) or not len(top):
        return []
    down = np.arange(top[0] - rows[0], top[-1] - rows[-1] + 1)
    right = np.arange(left[0] - columns[0], left[-1] - columns[-1] + 1)
    # The number of pixels that a region shares with itself moved by (y, x) is its autocorrelation.
    size = (2 * height, 2 * width)
    spectrum = np.fft.rfft2(mask.astype(np.float32), size)
    shared = np.fft.irfft2((np.abs(spectrum) ** 2).sum(0), size)
    free = np.argwhere(shared[np.ix_(down, right)] < 0.5)
    chosen = np.random.default_rng(seed).permutation(len(free))[:count]
    return [_moved(mask, int(down[y]), int(right[x])) for y, x in free[chosen]]


def _moved(mask: Mask, down: int, right: int) -> Mask:
    """Move a region that stays within the picture, so that a roll wraps only empty pixels."""
    return np.roll(mask, (down, right), (1, 2))
