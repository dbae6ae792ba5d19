"""Eigen-Grad-CAM: Eigen-CAM of a layer's states times their gradients, for each word."""

from tam.explanation.explanation import Explanation
from tam.methods.class_activation import LAYER, activations, as_matrix, places_with_gradient
from tam.methods.eigen_cam import first_direction
from tam.methods.result import Targets, explained, resolve_targets
from tam.recording.trace import Trace
from tam.replay import LayerName, Replay


def eigen_grad_cam(
    trace: Trace, replay: Replay, targets: Targets = None, *, layer: LayerName = LAYER
) -> Explanation:
    """Project a layer's states times their gradients onto their first principal direction.

    ``B v`` with B = A ⊙ ∂y / ∂A [S, D], A the layer's states at the picture, y the token's logit,
    and v the first column of V in B = U Σ Vᵀ. As in :mod:`tam.methods.eigen_cam`, B is not
    centered, the sign of v makes the map's mean positive, and negative values then count as 0.
    The gradient makes Eigen-CAM (arXiv 2008.00299) depend on the word; the combination is known
    from the package grad-cam, which centers B and leaves the sign to the solver. Maps [K, N].
    Cost: one forward pass, and one backward pass and one singular value decomposition for each
    target.

    Parameters
    ----------
    trace, replay, targets
        See :mod:`tam.methods`.
    layer
        The layer whose states are projected.
    """
    asked = resolve_targets(trace, targets)
    where = places_with_gradient(replay, layer)
    found = activations(replay, asked, layer, where)
    maps = [
        where.to_cells(first_direction(found.states * gradient).numpy())
        for gradient in found.gradients()
    ]
    method = {"name": "eigen-grad-cam", "layer": layer}
    return explained(trace, asked, as_matrix(maps, where.count), method)
