"""Grad-CAM (arXiv 1610.02391) for a token of a multimodal LLM."""

import torch

from tam.explanation.explanation import Explanation
from tam.methods.class_activation import LAYER, activations, as_matrix, places_with_gradient
from tam.methods.result import Targets, explained, resolve_targets
from tam.recording.trace import Trace
from tam.replay import LayerName, Replay


def grad_cam(
    trace: Trace, replay: Replay, targets: Targets = None, *, layer: LayerName = LAYER
) -> Explanation:
    """Weight a layer's channels by the mean gradient of the token's logit, and sum them.

    ``relu(sum_d a[d] A[p, d])`` with ``a[d] = mean_p ∂y / ∂A[p, d]``: A [S, D] are the layer's
    states at the picture, y the token's logit before the softmax. The mean is over the states of
    all pictures of the conversation. Maps [K, N]; a tower's states that form one vision token are
    averaged. Cost: one forward pass and one backward pass for each target.

    Parameters
    ----------
    trace, replay, targets
        See :mod:`tam.methods`.
    layer
        The layer whose states are weighted.
    """
    asked = resolve_targets(trace, targets)
    where = places_with_gradient(replay, layer)
    found = activations(replay, asked, layer, where)
    maps = [
        where.to_cells(torch.relu(found.states @ gradient.mean(0)).numpy())
        for gradient in found.gradients()
    ]
    evidence = as_matrix(maps, where.count)
    return explained(trace, asked, evidence, {"name": "grad-cam", "layer": layer})
