"""The projection: its definition, in NumPy."""

import numpy as np
from numpy.typing import NDArray


def projection(
    states: NDArray[np.float64],
    positions: NDArray[np.int64],
    head: NDArray[np.float64],
    ids: NDArray[np.int64],
    *,
    relu: bool = True,
) -> NDArray[np.float64]:
    """Project selected states onto selected LM-head rows and apply a ReLU.

    ``S[t, p] = relu(<states[positions[p]], head[ids[t]]>)`` (arXiv 2506.23270, the activation map
    of class t). A score is NaN where the product is not finite, so that bad inputs are noticed.

    Parameters
    ----------
    states
        Float [L, D]: final-normed last hidden states.
    positions
        Int [P]: positions of the states to score.
    head
        Float [V, D]: the LM head, or some rows of it.
    ids
        Int [K]: indices of the rows to use.
    relu
        Whether to apply the ReLU; if False, the plain products are returned.

    Returns
    -------
    float64 [K, P].
    """
    scores = np.zeros((len(ids), len(positions)))
    for t, row in enumerate(head[ids].astype(np.float64)):
        for p, state in enumerate(states[positions].astype(np.float64)):
            product = float(np.sum(state * row))
            if relu:
                product = max(0.0, product) if np.isfinite(product) else np.nan
            scores[t, p] = product
    return scores
