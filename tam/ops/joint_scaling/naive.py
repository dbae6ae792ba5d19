"""The definition of the joint scaling."""

import numpy as np
from numpy.typing import NDArray


def joint_scaling(
    residual: NDArray[np.float64], text_scores: NDArray[np.float64], scale_stop: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scale each target's map and text scores together by their common minimum and maximum.

    For target m the values are ``residual[:, m]`` and ``text_scores[i, m]`` for
    ``i < scale_stop[m]`` (arXiv 2506.23270): a map's height also says how much of the evidence is
    visual. Values that are all equal give zero.

    Parameters
    ----------
    residual
        Float [N, M]: maps after the causal step.
    text_scores
        Float [K, M].
    scale_stop
        Int [M].

    Returns
    -------
    maps
        float64 [N, M] in [0, 1].
    relevance
        float64 [K, M] in [0, 1]: the text scores on the same scale, 0 from ``scale_stop[m]`` on.
    """
    maps = np.zeros(residual.shape)
    relevance = np.zeros(text_scores.shape)
    for m in range(residual.shape[1]):
        text = text_scores[: int(scale_stop[m]), m].astype(np.float64)
        values = np.concatenate([residual[:, m].astype(np.float64), text])
        if values.max() > values.min():
            values = (values - values.min()) / (values.max() - values.min())
        else:
            values = np.zeros(len(values))
        maps[:, m] = values[: len(residual)]
        relevance[: len(text), m] = values[len(residual) :]
    return maps, relevance
