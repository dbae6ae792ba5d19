"""Affinity of the cells' last states."""

import numpy as np
from numpy.typing import NDArray

from tam.refine.affinity import spread
from tam.refine.refinement import Maps, Work


def state_affinity(maps: Maps, work: Work) -> Maps:
    """Spread heat to cells whose states point the same way.

    The affinity of two cells is the positive part of the cosine of their last states, less the
    picture's mean state. See :func:`tam.refine.affinity.spread`. Source: ExCEL (Yang et al. 2025,
    arXiv 2503.20826), with the language model's states in place of CLIP's.
    """
    states = work.trace.vision_states.float().cpu().numpy().astype(np.float64)

    def affinity(columns: slice) -> NDArray[np.float64]:
        own = states[columns] - states[columns].mean(0)
        own = own / np.maximum(np.linalg.norm(own, axis=1, keepdims=True), 1e-9)
        return np.asarray(np.maximum(own @ own.T, 0))

    return spread(maps, work, affinity)
