"""LLaVA-CAM (arXiv 2406.06579): smoothed Grad-CAM on a layer of the language model."""

import numpy as np
import torch

from tam.explanation.explanation import Explanation
from tam.methods.class_activation import LAYER, activations, places_with_gradient
from tam.methods.noise import noisy_pixels
from tam.methods.result import Targets, explained, resolve_targets
from tam.recording.trace import Trace
from tam.replay import LayerName, Replay


def llava_cam(
    trace: Trace,
    replay: Replay,
    targets: Targets = None,
    *,
    layer: LayerName = LAYER,
    samples: int = 8,
    noise: float = 0.1,
    seed: int = 0,
) -> Explanation:
    """Average Grad-CAM with positive gradients over noisy pictures.

    For each noisy picture ``relu(mean_d a[d] A[p, d])`` with ``a[d] = mean_p relu(∂y / ∂A[p, d])``,
    scaled by its maximum; then the mean over the n pictures. A [S, D] are the layer's states at the
    picture, y the token's logit. The published code (github.com/zhangbaijin/
    From-Redundancy-to-Relevance) uses the sum of all words' logits as y, since it explains the
    answer as a whole, uses n = 50, and sets values below half of the maximum to 0; here y is the
    word's own logit, and no value is cut off. Maps [K, N]. Cost: n forward passes, and n backward
    passes for each target.

    Parameters
    ----------
    trace, replay, targets
        See :mod:`tam.methods`.
    layer
        The layer whose states are weighted.
    samples
        The number n of noisy pictures.
    noise
        Standard deviation of the pixels' noise, as a share of their range.
    seed
        Seed of the noise.
    """
    asked = resolve_targets(trace, targets)
    where = places_with_gradient(replay, layer)
    evidence = np.zeros((len(asked), where.count), np.float32)
    for pixels in noisy_pixels(replay, samples, noise, seed):
        found = activations(replay, asked, layer, where, pixels=pixels)
        for row, gradient in zip(evidence, found.gradients(), strict=True):
            seen = torch.relu(found.states @ gradient.relu().mean(0))
            row += where.to_cells((seen / seen.max().clamp(min=1e-12)).numpy()) / samples
    options = {"layer": layer, "samples": samples, "noise": noise, "seed": seed}
    return explained(trace, asked, evidence, {"name": "llava-cam", **options})
