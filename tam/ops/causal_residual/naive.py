"""The definition of the causal residual."""

import numpy as np
from numpy.typing import NDArray


def causal_residual(
    context_activation: NDArray[np.float64],
    target_activation: NDArray[np.float64],
    text_scores: NDArray[np.float64],
    context_ids: NDArray[np.int64],
    target_ids: NDArray[np.int64],
    causal_stop: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Subtract from each target's map what its earlier words explain of it.

    For target m with the context words ``i < causal_stop[m]`` that are not the same token
    (arXiv 2506.23270, estimated causal inference; the scale is the closed form of its least
    squares)::

        w[i] = text_scores[i, m] / (sum_i text_scores[i, m] + 1e-8)
        I    = context_activation @ w                 the interference map
        s    = <A, I> / <I, I>                        0 where I is 0
        E    = relu(A - s * I)                        with A = target_activation[:, m]

    Parameters
    ----------
    context_activation
        Float [N, K]: map of each context word on the N vision cells.
    target_activation
        Float [N, M]: map of each target.
    text_scores
        Float [K, M]: score of each context word's state for each target.
    context_ids, target_ids
        Int [K] and [M]: token ids for the same-token rule.
    causal_stop
        Int [M]: target m has the context words before this index.

    Returns
    -------
    float64 [N, M].
    """
    residual = np.zeros(target_activation.shape)
    for m in range(target_activation.shape[1]):
        weights = np.zeros(len(context_ids))
        for i in range(int(causal_stop[m])):
            if context_ids[i] != target_ids[m]:
                weights[i] = text_scores[i, m]
        weights /= weights.sum() + 1e-8
        interference = context_activation.astype(np.float64) @ weights
        activation = target_activation[:, m].astype(np.float64)
        power = float(np.sum(interference**2))
        scale = float(np.sum(activation * interference)) / power if power > 0 else 0.0
        residual[:, m] = np.maximum(activation - scale * interference, 0)
    return residual
