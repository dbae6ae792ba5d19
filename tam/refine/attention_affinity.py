"""Affinity of cells by the attention between them."""

import numpy as np
from numpy.typing import NDArray

from tam.refine.affinity import spread
from tam.refine.refinement import Maps, Work


def attention_affinity(maps: Maps, work: Work) -> Maps:
    """Spread heat to cells that attend to each other.

    The affinity of two cells is the mean attention over layers and heads of the language model, in
    either direction, since a causal model only attends to earlier cells. See
    :func:`tam.refine.affinity.spread`. Source: ExCEL (Yang et al. 2025, arXiv 2503.20826).
    """
    weights = work.replay.run([], attention=True).attentions
    mean = np.mean([layer[0].float().mean(0).cpu().numpy() for layer in weights], axis=0)
    positions = work.trace.vision.positions
    between = mean[np.ix_(positions, positions)].astype(np.float64)

    def affinity(columns: slice) -> NDArray[np.float64]:
        own = between[columns, columns]
        return np.asarray(own + own.T)

    return spread(maps, work, affinity)
