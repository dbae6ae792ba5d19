"""A metric that measures how far a map spreads beyond its object."""

import numpy as np
from numpy.typing import NDArray

from tam.extensions import described


@described(summary="heat outside the object", cost="nothing", less_is_better=True)
def spread(heat: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    """Return the share of the map's heat outside the mask; 1 for a map of zeros."""
    total = float(heat.sum(dtype=np.float64))
    return float(heat[~mask].sum(dtype=np.float64)) / total if total > 0 else 1.0
