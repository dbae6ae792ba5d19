"""Token Activation Map from probabilities, smoothed along the picture's edges."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from tam.explanation.explanation import Explanation
from tam.geometry.cell_colors import cell_colors
from tam.geometry.layout import VisionGrid
from tam.media.media import Media
from tam.methods.options import check_positive
from tam.methods.parts import from_scores
from tam.methods.result import Targets, build_explanation, keep_targets
from tam.recording.trace import Trace
from tam.replay import Replay

# The number of states that go through the whole head at once; each output spans the vocabulary.
_CHUNK = 64

# The number of filter weights computed at once, which fit into a processor's cache.
_WEIGHTS = 1 << 18


def tam_plus(
    trace: Trace,
    replay: Replay,
    targets: Targets = None,
    *,
    reach: float = 0.15,
    contrast: float = 0.15,
) -> Explanation:
    """Explain by the word's probability at each cell, smoothed where the picture has no edge.

    The Token Activation Map (arXiv 2506.23270) with two of its parts replaced:

    - its scores ``relu(<h[p], W[y]>)`` by ``softmax(W h[p])[y]``: a cell at which another word is
      likelier is not evidence for this one, however large the product is. Causal inference and
      joint scaling are the same, on these scores.
    - its rank filter by a bilateral one (Tomasi and Manduchi, 1998) guided by the picture's edges:
      cell p becomes the mean of the cells q of its grid with the weights ``exp(-|p - q|² / 2s² -
      |c[p] - c[q]|² / 2 contrast²)``, c the mean color of a cell's pixels (RGB, 0 to 1), s =
      ``reach`` times the grid's longer side. A small object is smoothed over its own cells, whereas
      the rank filter removes its edge, or all of it, as noise.

    The softmax is applied to the head's output, without the model's logit cap or scale. Maps
    [K, N]. Cost: no pass; one product of the kept states with the whole head, [N + K, D] × [D, V].

    Parameters
    ----------
    trace, replay, targets
        See :mod:`tam.methods`.
    reach
        Width s of the filter, as a share of the grid's longer side.
    contrast
        Width of the filter in color, RGB from 0 to 1; larger differences are kept as edges.
    """
    check_positive("reach", reach)
    check_positive("contrast", contrast)
    maps, text, relevance = from_scores(trace, probabilities(trace), eci=True)
    smooth = smoothed(maps, trace.vision.grids, trace.media, reach, contrast)
    method = {"name": "tam-plus", "reach": reach, "contrast": contrast}
    return keep_targets(build_explanation(trace, smooth, text, relevance, method), trace, targets)


def probabilities(trace: Trace) -> torch.Tensor:
    """Return each target's probability at each cell and context position, float32 [N + K, K]."""
    rows = []
    ids = torch.from_numpy(trace.text.ids)
    with torch.no_grad():
        for chunk in trace.states.split(_CHUNK):
            logits = trace.lm_head.logits(chunk)
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
            colors = cell_colors(grid, media[grid.media], step)
            parts.append(_bilateral(layer, colors, reach * max(h, w), contrast))
            first += h * w
    return np.concatenate([part.reshape(len(maps), -1) for part in parts], axis=1)


def _bilateral(
    maps: NDArray[np.float32], colors: NDArray[np.float64], sigma: float, contrast: float
) -> NDArray[np.float32]:
    """Filter maps [K, h, w] by the cells' colors [h, w, 3], over neighbours within 2 sigma.

    Each band of rows costs one matrix product of its cells' weights with the maps that they reach.
    """
    count, h, w = maps.shape
    far = int(np.ceil(2 * sigma))
    across = _apart(np.arange(w), np.arange(w), far, sigma)
    hues = (colors / contrast).astype(np.float32)
    filtered = np.empty_like(maps)
    band = max(1, _WEIGHTS // (w * w * min(h, 2 * far + 1)))
    for top in range(0, h, band):
        rows = np.arange(top, min(top + band, h))
        reached = np.arange(max(0, top - far), min(h, rows[-1] + far + 1))
        weights = np.kron(_apart(rows, reached, far, sigma), across)
        weights *= np.exp(_unlike(hues[rows], hues[reached]) / -2)
        near = maps[:, reached].reshape(count, -1) @ weights.T
        filtered[:, rows] = (near / weights.sum(1)).reshape(count, -1, w)
    return filtered


def _apart(
    here: NDArray[np.int64], there: NDArray[np.int64], far: int, sigma: float
) -> NDArray[np.float32]:
    """Gaussian of the distances between places [P] and [Q], float32 [P, Q]; 0 beyond ``far``."""
    steps = np.subtract.outer(here, there)
    near = np.exp((steps / sigma) ** 2 / -2)
    return np.where(np.abs(steps) > far, 0, near).astype(np.float32)


def _unlike(here: NDArray[np.float32], there: NDArray[np.float32]) -> NDArray[np.float32]:
    """Squared distances between P and Q colors [..., 3], float32 [P, Q]."""
    found: NDArray[np.float32] = np.zeros((here.size // 3, there.size // 3), np.float32)
    for channel in range(3):
        found += np.subtract.outer(here[..., channel].ravel(), there[..., channel].ravel()) ** 2
    return found
