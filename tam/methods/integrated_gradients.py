"""Integrated gradients (arXiv 1703.01365) at the picture's embeddings."""

import numpy as np
import torch

from tam.explanation.explanation import Explanation
from tam.methods.options import check_whole
from tam.methods.result import Targets, explained, resolve_targets
from tam.recording.trace import Trace
from tam.replay import Replay


def integrated_gradients(
    trace: Trace, replay: Replay, targets: Targets = None, *, steps: int = 16
) -> Explanation:
    """Integrate the gradient along the path from a picture without features to the picture.

    ``relu(sum_d (X - B)[p, d] ∫ ∂y / ∂X[p, d] (B + a (X - B)) da)`` over a from 0 to 1, with X
    [N, D] the input of the first layer at the vision cells, y the token's logit, and B the mean of
    X over the cells, which favors no place. (A zero baseline does not work: a norm makes all
    vectors on the path from zero equal.) The integral is a Gauss-Legendre sum. Before relu and the
    sum over channels the attributions add up to y(X) - y(B). Maps [K, N]. Cost: steps + 1 forward
    passes, and steps backward passes for each target.

    Parameters
    ----------
    trace, replay, targets
        See :mod:`tam.methods`.
    steps
        The number of points at which the gradient is computed.
    """
    check_whole("steps", steps)
    asked = resolve_targets(trace, targets)
    attributions = attributed(trace, replay, asked, steps)
    return explained(
        trace,
        asked,
        np.maximum(attributions, 0),
        {"name": "integrated-gradients", "steps": steps},
    )


def attributed(
    trace: Trace, replay: Replay, targets: list[int], steps: int
) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """float32 [T, N]: the signed contribution of each cell to each target's logit."""
    positions = torch.from_numpy(trace.vision.positions)
    [embeddings] = replay.run([], layers=["input"]).states[0]
    features = embeddings[0, positions.to(embeddings.device)]
    base = features.mean(0, keepdim=True).expand_as(features)
    total = torch.zeros(len(targets), len(features))
    # Gauss-Legendre points and weights, mapped from [-1, 1] to [0, 1].
    for point, weight in zip(*np.polynomial.legendre.leggauss(steps), strict=True):
        between = base + (point + 1) / 2 * (features - base)
        run = replay.run(targets, layers=["input"], gradients=True, vision_input=between)
        for row, [gradient] in zip(total, run.gradients(run.states[0]), strict=True):
            here = gradient[0, positions.to(gradient.device)]
            row += weight / 2 * ((features - base).float() * here.float()).sum(1).cpu()
    found: np.ndarray[tuple[int, int], np.dtype[np.float32]] = total.numpy()
    return found
