"""Heat on which several views of the picture agree."""

from functools import partial

import numpy as np

from tam.refine.mirror import mirrored
from tam.refine.refinement import Maps, Work
from tam.refine.scales import resized, to_size
from tam.refine.views import seen_otherwise

TEMPERATURE = 0.75
"""Below 1, seeds shrink: attention spreads its heat over too large an area."""

SCALE = 1.5
"""The scale factor of the third view."""


def agreement(maps: Maps, work: Work) -> Maps:
    """Also explain the reply to the mirrored and the enlarged pictures, and keep what they share.

    ``(m_1 m_2 m_3)^(1 / (3 τ))`` over the views' maps, with the temperature τ = 0.75: a cell is hot
    only if it is hot in every view. Each map keeps its height. Source: the idea of seeds that agree
    between views, with a temperature for their extent (USAGE, Peng et al. 2023, arXiv 2303.07806),
    which trains the network with two losses; the product and τ are this toolkit's. Cost: the run
    and the method twice more.
    """
    views = [
        maps,
        seen_otherwise(work, mirrored, lambda seen, _item: seen[:, ::-1]),
        seen_otherwise(work, partial(resized, scale=SCALE), to_size),
    ]
    shared = shared_heat(np.stack(views))
    top = shared.max(1, keepdims=True)
    height = maps.max(1, keepdims=True)
    return np.asarray(shared * height / np.where(top > 0, top, 1), np.float32)


def shared_heat(views: Maps) -> Maps:
    """Return the geometric mean of V views' maps [V, T, N], to the power of 1 / ``TEMPERATURE``."""
    product = np.prod(np.maximum(views, 0).astype(np.float64), axis=0)
    return np.asarray(product ** (1 / (len(views) * TEMPERATURE)), np.float32)
