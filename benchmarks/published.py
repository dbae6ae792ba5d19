"""The published procedure, written from its description (arXiv 2506.23270), for comparison.

At every step the states of the whole prompt are projected onto the whole vocabulary, the scale of
the interference is found by iterative least squares, and the filter goes over the pixels in two
nested Python loops.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from benchmarks.cases import Run

Floats = NDArray[np.float64]


def project(run: Run, target: int) -> torch.Tensor:
    """Return the scores [P, V] of all states up to the target's for every vocabulary token."""
    last = int(run.context[max(target, run.case.prompt_targets - 1)])
    return (run.hidden[: last + 1] @ run.head.T).relu_()


def explain(logits: torch.Tensor, run: Run, target: int) -> Floats:
    """Return one target's map [h, w] from those scores."""
    ids = run.ids
    maps = logits[:, ids[: target + 1]][run.vision].double().cpu().numpy()
    said = run.context[: max(target, run.case.prompt_targets)]
    text = logits[:, ids[target]][said].double().cpu().numpy()
    activation = maps[:, target]
    different = ids[:target].cpu().numpy() != int(ids[target])
    weights = np.where(different, text[:target], 0)
    interference = maps[:, :target] @ (weights / (weights.sum() + 1e-8))
    scale = minimize_scalar(lambda s: float(np.sum((activation - s * interference) ** 2))).x
    residual = np.maximum(activation - scale * interference, 0)
    values = np.concatenate([residual, text])
    scaled = (residual - values.min()) / (values.max() - values.min())
    return filter_by_loops(scaled.reshape(run.case.grid))


def filter_by_loops(grid: Floats) -> Floats:
    """Filter one map [h, w] with a window of 3 × 3, pixel by pixel."""
    padded = np.pad(grid, 1, mode="reflect")
    filtered = np.zeros(grid.shape)
    ranks = np.arange(9) - 4
    for i in range(grid.shape[0]):
        for j in range(grid.shape[1]):
            window = np.sort(padded[i : i + 3, j : j + 3].ravel())
            mean = window.mean()
            if mean <= 0:
                continue
            variation = window.std() / mean
            if variation == 0:
                filtered[i, j] = window[4]
                continue
            weights = np.exp(-(ranks**2) / (2 * variation**2))
            filtered[i, j] = np.sum(window * weights / weights.sum())
    return filtered
