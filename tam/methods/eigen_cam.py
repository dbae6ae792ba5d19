"""Eigen-CAM (arXiv 2008.00299)."""

import numpy as np
import torch

from tam.explanation.explanation import Explanation
from tam.methods.class_activation import LAYER
from tam.methods.result import Targets, explained, resolve_targets
from tam.recording.trace import Trace
from tam.replay import LayerName, Replay
from tam.replay.places import places


def eigen_cam(
    trace: Trace, replay: Replay, targets: Targets = None, *, layer: LayerName = LAYER
) -> Explanation:
    """Project a layer's states at the picture onto their first principal direction.

    ``A v`` with A = U Σ Vᵀ [S, D] the states, not centered, and v the first column of V. The sign
    of v is free; here it makes the map's mean positive, and negative values then count as 0. The
    method has no class, so every word has the same map. Maps [K, N]. Cost: one forward pass and one
    singular value decomposition.

    Parameters
    ----------
    trace, replay, targets
        See :mod:`tam.methods`.
    layer
        The layer whose states are projected.
    """
    asked = resolve_targets(trace, targets)
    where = places(replay, layer)
    states = where.of(replay.run([], layers=[layer]).states[0]).float().cpu()
    row = where.to_cells(first_direction(states).numpy())
    evidence = np.tile(row, (len(asked), 1))
    return explained(trace, asked, evidence, {"name": "eigen-cam", "layer": layer})


def first_direction(states: torch.Tensor) -> torch.Tensor:
    """Project states [S, D] onto their first principal direction, without centering.

    Returns
    -------
    torch.Tensor
        [S], with the sign that makes the mean positive; negative values are 0.
    """
    _, _, directions = torch.linalg.svd(states, full_matrices=False)
    projected = states @ directions[0]
    positive: torch.Tensor = (projected * projected.mean().sign()).relu()
    return positive
