"""Smooth Grad-CAM++ (arXiv 1908.01224)."""

import torch

from tam.explanation.explanation import Explanation
from tam.methods.class_activation import LAYER, activations, as_matrix, places_with_gradient
from tam.methods.noise import noisy_pixels
from tam.methods.result import Targets, explained, resolve_targets
from tam.recording.trace import Trace
from tam.replay import LayerName, Replay


def smooth_grad_cam(
    trace: Trace,
    replay: Replay,
    targets: Targets = None,
    *,
    layer: LayerName = LAYER,
    samples: int = 8,
    noise: float = 0.15,
    seed: int = 0,
) -> Explanation:
    """Weight a layer's channels by Grad-CAM++ of gradients averaged over noisy pictures.

    With bars for means over n noisy pictures and G = ∂y / ∂A, y the token's logit:
    ``alpha[p, d] = mean(G²) / (2 mean(G²) + sum_q A[q, d] mean(G³))``,
    ``a[d] = sum_p alpha[p, d] relu(mean(G[p, d]))``, map ``relu(sum_d a[d] A[p, d])`` with A [S, D]
    the states of the picture without noise. As in Grad-CAM++ (arXiv 1710.11063) the second and
    third derivatives of the class score exp(y) are powers of G times exp(y); that factor is left
    out. A denominator of 0 gives alpha 0. Maps [K, N]. Cost: n + 1 forward passes, n backward
    passes for each target, and memory for 3 [S, D] arrays for each target.

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
    states = where.of(replay.run([], layers=[layer]).states[0]).float().cpu()
    powers = [[torch.zeros_like(states) for _ in range(3)] for _ in asked]
    for pixels in noisy_pixels(replay, samples, noise, seed):
        found = activations(replay, asked, layer, where, pixels=pixels)
        for sums, gradient in zip(powers, found.gradients(), strict=True):
            for power, total in enumerate(sums, 1):
                total += gradient**power / samples
    maps = [where.to_cells(torch.relu(states @ weights(states, *sums)).numpy()) for sums in powers]
    options = {"layer": layer, "samples": samples, "noise": noise, "seed": seed}
    method = {"name": "smooth-grad-cam++", **options}
    return explained(trace, asked, as_matrix(maps, where.count), method)


def weights(
    states: torch.Tensor, first: torch.Tensor, second: torch.Tensor, third: torch.Tensor
) -> torch.Tensor:
    """Return channel weights [D] from states and averaged powers of the gradient, all [S, D]."""
    below = 2 * second + (states * third).sum(0)
    share = torch.where(below != 0, second / torch.where(below != 0, below, 1), 0)
    return (share * first.relu()).sum(0)
