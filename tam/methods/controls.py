"""Controls: maps that do not depend on the word, which every method has to beat."""

import zlib

import numpy as np

from tam.explanation.explanation import Explanation
from tam.methods.class_activation import as_matrix
from tam.methods.options import check_positive, check_whole
from tam.methods.result import Targets, jointly_explained, resolve_targets
from tam.recording.trace import Trace
from tam.replay import Replay


def random(
    trace: Trace, replay: Replay | None = None, targets: Targets = None, *, seed: int = 0
) -> Explanation:
    """Draw each cell of each map [K, N] from the uniform distribution. Cost: nothing.

    The relevance [K, K] of earlier words is drawn in the same way. Other pictures and other texts
    have other maps, so that the draws of a data set's items are independent of each other.

    Parameters
    ----------
    trace, replay, targets
        See :mod:`tam.methods`.
    seed
        Seed of the draws. A target's map does not depend on which other targets are explained.
    """
    check_whole("seed", seed, 0)
    asked = resolve_targets(trace, targets)
    length = _length(trace)
    run = _checksum(trace)
    drawn = [
        np.random.default_rng([seed, run, target]).random(length, np.float32) for target in asked
    ]
    method = {"name": "random", "seed": seed}
    return jointly_explained(trace, asked, as_matrix(drawn, length), method)


def _checksum(trace: Trace) -> int:
    """Return a checksum of a run's pictures and tokens."""
    found = zlib.crc32(np.asarray(trace.text.ids).tobytes())
    for media in trace.media:
        found = zlib.crc32(np.ascontiguousarray(media.frames).data, found)
    return found


def center(
    trace: Trace, replay: Replay | None = None, targets: Targets = None, *, width: float = 0.25
) -> Explanation:
    """Put a Gaussian at the center of each picture, the same for every word. Cost: nothing.

    The relevance of an earlier word is its proximity, ``1 / n`` for the n-th token before.

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
    evidence = np.zeros((len(asked), _length(trace)), np.float32)
    evidence[:, trace.vision.positions] = row / row.max()
    for place, token in enumerate(trace.text.tokens):
        evidence[:, token.position] = 1 / np.maximum(np.array(asked, int) - place, 1)
    return jointly_explained(trace, asked, evidence, {"name": "center", "width": width})


def _length(trace: Trace) -> int:
    """Return the number of positions of the sequence, up to the last word."""
    return 1 + max(int(trace.vision.positions.max()), *(t.position for t in trace.text.tokens))
