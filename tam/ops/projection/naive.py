"""The definition of the projection."""

import numpy as np
from numpy.typing import NDArray


def projection(states: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Project states on LM-head rows and keep what speaks for the token.

    ``S[p, t] = relu(<states[p], rows[t]>)`` (arXiv 2506.23270, the activation map of class t).

    Parameters
    ----------
    states
        Float [P, D]: final-normed last hidden states.
    rows
        Float [K, D]: one LM-head row for each target.

    Returns
    -------
    float64 [P, K].
    """
    scores = np.zeros((len(states), len(rows)))
    for p, state in enumerate(states.astype(np.float64)):
        for t, row in enumerate(rows.astype(np.float64)):
            scores[p, t] = max(0.0, float(np.sum(state * row)))
    return scores
