"""KernelSHAP over superpixels: the Shapley value of each for a word."""

from collections.abc import Sequence
from math import comb

import numpy as np
from numpy.typing import NDArray

from tam.explanation.explanation import Explanation
from tam.methods.options import check_whole
from tam.methods.perturbation import Region, shown_alone
from tam.methods.result import Targets, explained, resolve_targets
from tam.methods.superpixels import superpixels
from tam.recording.trace import Trace
from tam.replay import Replay


def kernel_shap(
    trace: Trace,
    replay: Replay,
    targets: Targets = None,
    *,
    segments: int = 32,
    samples: int = 256,
    seed: int = 0,
    batch: int = 16,
) -> Explanation:
    """Estimate the Shapley value of each superpixel for a word's log-probability.

    Coalitions z of superpixels are shown, the others covered by the picture's mean color; the
    values φ minimise ``Σ_z π(z) (log p(word | z) - log p(word | nothing) - z·φ)²`` with the Shapley
    kernel ``π(z) = (M - 1) / (C(M, |z|) |z| (M - |z|))``, under the constraint
    ``Σ φ = log p(word | picture) - log p(word | nothing)`` (Lundberg and Lee 2017, arXiv
    1705.07874). If there are no more than ``samples`` coalitions, all are used and φ are the exact
    Shapley values; otherwise ``samples`` of them are drawn from the kernel, each with its
    complement (Covert and Lee 2021, arXiv 2012.01536). A cell has the mean over its pixels of the
    positive values. Maps [K, N] of the reply's words. Cost: ``samples`` + 2 forward passes, for all
    words together.

    Parameters
    ----------
    trace, replay, targets
        See :mod:`tam.methods`.
    segments
        The approximate number of superpixels of a picture.
    samples
        The number of coalitions.
    seed
        Seed of the draws.
    batch
        The number of pictures in one forward pass.

    Raises
    ------
    SetupError
        If scikit-image is missing.
    """
    check_whole("segments", segments)
    check_whole("samples", samples, 2)
    check_whole("seed", seed, 0)
    check_whole("batch", batch)
    asked = resolve_targets(trace, targets, prompt=False)
    cut = superpixels(trace, segments)
    values = shapley_values(replay, cut.regions, samples, seed, batch)
    chosen = values[[target - trace.text.prompt_targets for target in asked]]
    evidence = cut.to_cells(np.maximum(chosen, 0))
    method = {"name": "kernel-shap", "segments": segments, "samples": samples, "seed": seed}
    return explained(trace, asked, evidence, method)


def shapley_values(
    replay: Replay, regions: Sequence[Region], samples: int, seed: int, batch: int
) -> NDArray[np.float64]:
    """float64 [R, G]: the value of each of G regions for each of the reply's R tokens, in nats."""
    players = len(regions)
    shown, weights = coalitions(players, samples, seed)
    every = np.concatenate([np.zeros((1, players), bool), np.ones((1, players), bool), shown])
    read = shown_alone(replay, regions, every, batch).astype(np.float64)
    return solved(shown, weights, read[2:] - read[0], read[1] - read[0])


def coalitions(
    players: int, samples: int, seed: int
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return the coalitions of M players to evaluate, bool [S, M], and their weights [S].

    These are all coalitions but the empty and the full one if there are no more than ``samples``;
    otherwise they are drawn from the Shapley kernel, in pairs with their complements.
    """
    if players < 2:
        return np.zeros((0, players), bool), np.zeros(0)
    if players < 31 and 2**players - 2 <= samples:
        codes = np.arange(1, 2**players - 1)
        shown = (codes[:, None] >> np.arange(players) & 1).astype(bool)
        sizes = shown.sum(1)
        choices = np.array([comb(players, int(size)) for size in sizes], np.float64)
        return shown, (players - 1) / (choices * sizes * (players - sizes))
    rng = np.random.default_rng(seed)
    sizes = np.arange(1, players)
    chances = 1 / (sizes * (players - sizes))
    drawn = rng.choice(sizes, (samples + 1) // 2, p=chances / chances.sum())
    order = rng.random((len(drawn), players)).argsort(1).argsort(1)
    half = order < drawn[:, None]
    both = np.stack([half, ~half], axis=1).reshape(-1, players)[:samples]
    return both, np.ones(len(both))


def solved(
    shown: NDArray[np.bool_],
    weights: NDArray[np.float64],
    gains: NDArray[np.float64],
    whole: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Solve the weighted least squares under the constraint on the sum.

    Parameters
    ----------
    shown, weights
        The coalitions and their weights, from :func:`coalitions`.
    gains
        float64 [S, R]: the gain of each coalition over the empty one.
    whole
        float64 [R]: the gain of all players together.

    Returns
    -------
    float64 [R, M]; each row adds up to ``whole``.
    """
    players = shown.shape[1]
    if players == 1:
        return whole[:, None]
    present = shown.astype(np.float64)
    root = np.sqrt(weights)[:, None]
    # The constraint eliminates the last player: its value is the whole less all other values.
    system = root * (present[:, :-1] - present[:, -1:])
    aims = root * (gains - present[:, -1:] * whole)
    found = np.linalg.lstsq(system, aims, rcond=None)[0].T
    return np.concatenate([found, (whole - found.sum(1))[:, None]], axis=1)
