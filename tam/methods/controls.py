"""Controls: maps that know nothing of the word, which every method has to beat."""

import numpy as np

from tam.explanation.explanation import Explanation
from tam.methods.class_activation import stacked
from tam.methods.options import check_positive, check_whole
from tam.methods.result import Targets, jointly_explained, resolve_targets
from tam.recording.trace import Trace
from tam.replay import Replay


def random(
    trace: Trace, replay: Replay | None = None, targets: Targets = None, *, seed: int = 0
) -> Explanation:
    """Draw each cell of each map [K, N] from the uniform distribution. Cost: nothing.

    The relevance [K, K] of earlier words is drawn in the same way.

    Parameters
    ----------
    trace, replay, targets
        See :mod:`tam.methods`.
    seed
        Seed of the draws. A target's map does not depend on which others are asked for.
    """
    check_whole("seed", seed, 0)
    asked = resolve_targets(trace, targets)
    cells = len(trace.vision.positions)
    words = len(trace.text.tokens)
    drawn = [
        np.random.default_rng([seed, target]).random(cells + words, np.float32) for target in asked
    ]
    evidence = stacked(drawn, cells + words)
    method = {"name": "random", "seed": seed}
    return jointly_explained(trace, asked, evidence[:, :cells], evidence[:, cells:], method)


def center(
    trace: Trace, replay: Replay | None = None, targets: Targets = None, *, width: float = 0.25
) -> Explanation:
    """Put a Gaussian at the center of each picture, the same for every word. Cost: nothing.

    The relevance of an earlier word is its nearness, ``1 / n`` for the n-th token before.

    ``exp(-(x² + y²) / (2 width²))`` with a cell's distances x, y from the center as shares of the
    picture's width and height. Maps [K, N].

    Parameters
    ----------
    trace, replay, targets
        See :mod:`tam.methods`.
    width
        Standard deviation as a share of the picture's sides.
    """
    check_positive("width", width)
    asked = resolve_targets(trace, targets)
    rows = []
    for grid in trace.vision.grids:
        media = trace.media[grid.media]
        left, top, right, bottom = grid.boxes.T
        x = (left + right) / (2 * media.width) - 0.5
        y = (top + bottom) / (2 * media.height) - 0.5
        rows.append(np.tile(np.exp(-(x**2 + y**2) / (2 * width**2)), grid.shape[0]))
    row = np.concatenate(rows).astype(np.float32)
    evidence = np.tile(row / row.max(), (len(asked), 1))
    distance = np.array(asked, int)[:, None] - np.arange(len(trace.text.tokens))
    near = (1 / np.maximum(distance, 1)).astype(np.float32)
    return jointly_explained(trace, asked, evidence, near, {"name": "center", "width": width})
