"""The mean of the maps over several sizes of the picture."""

from functools import partial

import cv2
import numpy as np

from tam.media.media import Media
from tam.refine.refinement import Maps, Work
from tam.refine.views import Frames, Picture, seen_otherwise

SCALES = (0.75, 1.5)
"""The scale factors used in addition to the picture's own size."""


def scales(maps: Maps, work: Work) -> Maps:
    """Also explain the reply to smaller and larger pictures, and average the maps.

    The model reads the same reply after the pictures at 0.75 and 1.5 times their size, so that a
    cell covers more or less of the picture; the maps are resized to the picture's own pixels. A
    model that resizes every picture to one size sees nearly the same three times. Source: the idea
    of multi-scale explanation aggregation (MSEA, Liang et al. 2025, arXiv 2509.22415); the scales
    and the plain mean are this toolkit's. Cost: the run and the method twice more.
    """
    found = [seen_otherwise(work, partial(resized, scale=scale), to_size) for scale in SCALES]
    return np.asarray(np.mean([maps, *found], axis=0), np.float32)


def resized(frames: Frames, scale: float) -> Frames:
    """Resize frames uint8 [T, H, W, 3]."""
    height, width = (max(1, round(scale * side)) for side in frames.shape[1:3])
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.stack([cv2.resize(frame, (width, height), interpolation=kind) for frame in frames])


def to_size(seen: Picture, item: Media) -> Picture:
    """Resize a map to the size of a picture."""
    return np.asarray(cv2.resize(seen, (item.width, item.height), interpolation=cv2.INTER_LINEAR))
