"""Token activation of probabilities, smoothed along the picture's edges."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from tam.explanation import Explanation
from tam.layout import VisionGrid
from tam.media.media import Media
from tam.methods.options import check_positive
from tam.methods.parts import from_scores
from tam.methods.perturbation import pixels_of
from tam.methods.result import Targets, explanation_of, only
from tam.replay import Replay
from tam.trace import Trace

# States that go through the whole head at once; its output has the whole vocabulary.
_CHUNK = 64

# Farther than any two colors are: what lies outside a picture mixes with nothing in it.
_OUTSIDE = 10.0


def tam_plus(
    trace: Trace,
    replay: Replay,
    targets: Targets = None,
    *,
    reach: float = 0.15,
    contrast: float = 0.15,
) -> Explanation:
    """Explain by the word's probability at each cell, smoothed where the picture has no edge.

    The Token Activation Map (arXiv 2506.23270) with two of its parts exchanged:

    - its scores ``relu(<h[p], W[y]>)`` for ``softmax(W h[p])[y]``: a cell at which another word is
      likelier is no evidence for this one, however large the product is. Causal inference and joint
      scaling are the same, on these scores.
    - its rank filter for a bilateral one (Tomasi and Manduchi, 1998) whose edges are the picture's:
      cell p becomes the mean of the cells q of its grid with the weights ``exp(-|p - q|² / 2s² -
      |c[p] - c[q]|² / 2 contrast²)``, c the mean color of a cell's pixels (RGB, 0 to 1), s =
      ``reach`` times the grid's longer side. A small object is smoothed over its own cells, where
      the rank filter takes its edge, or all of it, for noise.

    The softmax is the head's own, without a cap or scale that the model puts on its logits. Maps
    [K, N]. Cost: no pass; one product of the kept states with the whole head, [N + K, D] × [D, V].

    Parameters
    ----------
    trace, replay, targets
        See :mod:`tam.methods`.
    reach
        How far the filter reaches, as a share of the grid's longer side.
    contrast
        How different two colors are between which it does not reach.
    """
    check_positive("reach", reach)
    check_positive("contrast", contrast)
    maps, text, relevance = from_scores(trace, probabilities(trace, replay), eci=True)
    smooth = smoothed(maps, trace.vision.grids, trace.media, reach, contrast)
    method = {"name": "tam-plus", "reach": reach, "contrast": contrast}
    return only(explanation_of(trace, smooth, text, relevance, method), trace, targets)


def probabilities(trace: Trace, replay: Replay) -> torch.Tensor:
    """float32 [N + K, K]: the probability of each target at each cell and context position."""
    rows = []
    states = torch.cat([trace.vision_states, trace.context_states])
    ids = torch.from_numpy(trace.text.ids)
    with torch.no_grad():
        for chunk in states.split(_CHUNK):
            logits = replay.head(chunk).float()
            own = logits[:, ids.to(logits.device)] - logits.logsumexp(1, keepdim=True)
            rows.append(own.exp())
    return torch.cat(rows)


def smoothed(
    maps: NDArray[np.float32],
    grids: Sequence[VisionGrid],
    media: Sequence[Media],
    reach: float,
    contrast: float,
) -> NDArray[np.float32]:
    """Smooth every temporal cell of every grid of maps [K, N] along the edges of its frames."""
    parts, first = [], 0
    for grid in grids:
        t, h, w = grid.shape
        for step in range(t):
            layer = maps[:, first : first + h * w].reshape(-1, h, w)
            colors = _colors(grid, media[grid.media], step)
            parts.append(_bilateral(layer, colors, reach * max(h, w), contrast))
            first += h * w
    return np.concatenate([part.reshape(len(maps), -1) for part in parts], axis=1)


def _colors(grid: VisionGrid, media: Media, step: int) -> NDArray[np.float64]:
    """Float [h, w, 3]: the mean color of each cell in the frames of one temporal cell."""
    start, stop = grid.spans[step]
    picture = media.frames[start:stop].mean(axis=0) / 255
    colors = np.full((len(grid.boxes), 3), _OUTSIDE)
    for color, box in zip(colors, grid.boxes, strict=True):
        pixels = picture[pixels_of(box, media)]
        if pixels.size:
            color[:] = pixels.mean(axis=(0, 1))
    return colors.reshape(*grid.shape[1:], 3)


def _bilateral(
    maps: NDArray[np.float32], colors: NDArray[np.float64], sigma: float, contrast: float
) -> NDArray[np.float32]:
    """Filter maps [K, h, w] by cells' colors [h, w, 3]; neighbours up to 2 sigma count."""
    _, h, w = maps.shape
    far = int(np.ceil(2 * sigma))
    total = np.zeros(maps.shape)
    weights = np.zeros((h, w))
    for dy in range(-min(far, h - 1), min(far, h - 1) + 1):
        for dx in range(-min(far, w - 1), min(far, w - 1) + 1):
            here = (slice(max(0, -dy), h - max(0, dy)), slice(max(0, -dx), w - max(0, dx)))
            there = (slice(max(0, dy), h - max(0, -dy)), slice(max(0, dx), w - max(0, -dx)))
            apart = ((colors[here] - colors[there]) ** 2).sum(-1) / contrast**2
            weight = np.exp(-((dy**2 + dx**2) / sigma**2 + apart) / 2)
            total[:, here[0], here[1]] += weight * maps[:, there[0], there[1]]
            weights[here] += weight
    return (total / weights).astype(np.float32)
