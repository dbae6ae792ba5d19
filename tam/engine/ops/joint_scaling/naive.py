"""The joint scaling: its definition, in NumPy."""

import numpy as np
from numpy.typing import NDArray

_Floats = NDArray[np.float64]


def joint_scaling(
    low: _Floats, high: _Floats, text_scores: _Floats, scale_stop: NDArray[np.int64]
) -> tuple[_Floats, _Floats, _Floats, _Floats]:
    """Compute the scale that each target's map and text scores share: min-max over both.

    For target m the values are those of its map, from ``low[m].min()`` to ``high[m].max()``, and
    ``text_scores[m, i]`` for ``i < scale_stop[m]`` (arXiv 2506.23270). So the height of a map also
    shows how much of the evidence is visual. Values that are all equal become zero.

    Parameters
    ----------
    low, high
        Float [M, P]: smallest and largest value of the parts of each map after the causal step.
    text_scores
        Float [M, K].
    scale_stop
        Int [M].

    Returns
    -------
    origin, span
        float64 [M]: ``(value - origin) / span`` lies in [0, 1]; the span is positive.
    relevance
        float64 [M, K] in [0, 1]: the text scores on that scale, 0 from ``scale_stop[m]`` on.
    used
        float64 [M, K]: the unscaled text scores, also 0 from ``scale_stop[m]`` on.
    """
    origin, span = np.zeros(len(low)), np.ones(len(low))
    relevance, used = np.zeros(text_scores.shape), np.zeros(text_scores.shape)
    for m in range(len(low)):
        text = text_scores[m, : int(scale_stop[m])].astype(np.float64)
        values = np.concatenate([low[m], high[m], text])
        origin[m] = values.min()
        if values.max() > values.min():
            span[m] = values.max() - values.min()
        relevance[m, : len(text)] = (text - origin[m]) / span[m]
        used[m, : len(text)] = text
    return origin, span, relevance, used
