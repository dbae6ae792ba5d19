"""Fillers: replacements of hidden pixels.

=======  ==========================================================================
blur     the picture blurred by a Gaussian of an eighth of its shorter side
mean     its mean color
inpaint  OpenCV's inpainting from the pixels around (Telea, doi 10.1080/10867651.2004.10487596)
=======  ==========================================================================
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tam.errors import InputError
from tam.media.media import Media

Frames = NDArray[np.uint8]
Mask = NDArray[np.bool_]

FILLERS = ("blur", "mean", "inpaint")

_INPAINT_RADIUS = 3.0


def check_filler(filler: str) -> None:
    """Refuse an unknown filler.

    Raises
    ------
    InputError
        If it is unknown. The message lists the known fillers.
    """
    if filler not in FILLERS:
        raise InputError(
            f"unknown filler {filler!r}", where="filler", remedy=f"use one of {', '.join(FILLERS)}"
        )


def hiding(media: Media, filler: str) -> Callable[[Mask], Media]:
    """Return a function that hides pixels of a picture or clip.

    Parameters
    ----------
    media
        The picture or clip.
    filler
        One of :data:`FILLERS`.

    Returns
    -------
    A function of a mask, bool [T, H, W], that returns the media with those pixels replaced.

    Raises
    ------
    InputError
        If the filler is unknown.
    """
    check_filler(filler)
    if filler == "inpaint":
        return lambda mask: replace(media, frames=_inpainted(media.frames, mask))
    blank = filled(media.frames, filler)
    return lambda mask: replace(media, frames=np.where(mask[..., None], blank, media.frames))


def filled(frames: Frames, filler: str) -> Frames:
    """Replace the whole picture, uint8 [T, H, W, 3], by its blur or its mean color.

    Raises
    ------
    InputError
        If the filler is neither ``blur`` nor ``mean``.
    """
    if filler == "mean":
        mean = frames.mean((0, 1, 2)) + 0.5
        return np.broadcast_to(mean.astype(np.uint8), frames.shape).copy()
    if filler != "blur":
        raise InputError(
            f"a whole picture cannot be replaced by {filler!r}",
            where="filler",
            remedy="use blur or mean",
        )
    from scipy.ndimage import gaussian_filter

    width = min(frames.shape[1:3]) / 8
    blurred = gaussian_filter(frames.astype(np.float32), (0, width, width, 0), mode="nearest")
    return np.asarray(np.clip(blurred + 0.5, 0, 255), np.uint8)


def _inpainted(frames: Frames, mask: Mask) -> Frames:
    import cv2

    found = frames.copy()
    for index in np.flatnonzero(mask.any((1, 2))):
        hole = mask[index].astype(np.uint8)
        found[index] = cv2.inpaint(
            np.ascontiguousarray(frames[index]), hole, _INPAINT_RADIUS, cv2.INPAINT_TELEA
        )
    return found
