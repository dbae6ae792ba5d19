"""Noisy pictures for the smoothed methods."""

from collections.abc import Iterator

import torch

from tam.methods.options import check_positive, check_whole
from tam.replay import Replay


def noisy_pixels(
    replay: Replay, samples: int, noise: float, seed: int
) -> Iterator[dict[str, torch.Tensor]]:
    """Yield copies of the model's pixel inputs with added Gaussian noise.

    Parameters
    ----------
    samples
        The number of copies.
    noise
        Standard deviation as a share of the range of each input's values.
    seed
        Seed of the noise.
    """
    check_whole("samples", samples)
    check_whole("seed", seed, 0)
    check_positive("noise", noise)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(samples):
        noisy = {}
        for name, pixels in replay.pixels.items():
            spread = noise * float(pixels.max() - pixels.min())
            drawn = torch.randn(pixels.shape, generator=generator)
            noisy[name] = pixels + (drawn * spread).to(pixels)
        yield noisy
