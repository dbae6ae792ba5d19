"""The causal residual: its definition, in NumPy."""

import numpy as np
from numpy.typing import NDArray

_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]


def causal_residual(
    context_activation: _Floats,
    target_activation: _Floats,
    text_scores: _Floats,
    context_ids: _Ints,
    target_ids: _Ints,
    causal_stop: _Ints,
    cap: float = np.inf,
) -> tuple[_Floats, _Floats, _Floats]:
    """Subtract from each target's map the part that its earlier words explain.

    For target m and the context words ``i < causal_stop[m]`` that are not the same token
    (arXiv 2506.23270, estimated causal inference; the scale is the closed-form solution of its
    least-squares problem)::

        w[i] = text_scores[m, i] / (sum_i text_scores[m, i] + 1e-8)
        I    = w @ context_activation                 the interference map
        s    = <A, I> / <I, I>                        0 where I is 0
        E    = relu(A - min(s, cap) * I)              with A = target_activation[m]

    Parameters
    ----------
    context_activation
        Float [K, N]: map of each context word on the N vision cells.
    target_activation
        Float [M, N]: map of each target.
    text_scores
        Float [M, K]: score of each context word's state for each target.
    context_ids, target_ids
        Int [K] and [M]: token ids for the same-token rule.
    causal_stop
        Int [M]: target m uses the context words before this index.
    cap
        The largest scale; infinite in the published method.

    Returns
    -------
    residual
        float64 [M, N].
    low, high
        float64 [M, P]: the smallest and the largest value of each of P parts of a row; here P = 1,
        the whole row.
    """
    residual = np.zeros(target_activation.shape)
    for m in range(len(target_activation)):
        weights = np.zeros(len(context_ids))
        for i in range(int(causal_stop[m])):
            if context_ids[i] != target_ids[m]:
                weights[i] = text_scores[m, i]
        weights /= weights.sum() + 1e-8
        interference = weights @ context_activation.astype(np.float64)
        activation = target_activation[m].astype(np.float64)
        power = float(np.sum(interference**2))
        scale = float(np.sum(activation * interference)) / power if power > 0 else 0.0
        residual[m] = np.maximum(activation - min(scale, cap) * interference, 0)
    return residual, residual.min(axis=1, keepdims=True), residual.max(axis=1, keepdims=True)
