"""The mean of two views: the picture and the picture mirrored."""

import numpy as np

from tam.refine.refinement import Maps, Work
from tam.refine.views import Frames, seen_otherwise


def mirror(maps: Maps, work: Work) -> Maps:
    """Also explain the reply to the mirrored pictures, and average both maps.

    The model reads the same reply after the pictures mirrored from left to right; each map of that
    run is mirrored back at the size of the picture, and a cell has the mean over its pixels. In
    that run, words such as "left" name the opposite side. Source: equivariance of class activation
    maps (SEAM, Wang et al. 2020, arXiv 2004.04581), as an average at test time. Cost: the run and
    the method once more.
    """
    other = seen_otherwise(work, mirrored, lambda seen, _item: seen[:, ::-1])
    return np.asarray((maps + other) / 2, np.float32)


def mirrored(frames: Frames) -> Frames:
    """Mirror frames [T, H, W, 3] from left to right."""
    return np.ascontiguousarray(frames[:, :, ::-1])
