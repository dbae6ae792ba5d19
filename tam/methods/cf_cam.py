"""CF-CAM (arXiv 2504.00060): channels clustered, gradients filtered in each cluster."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.spatial.distance import pdist

from tam.errors import SetupError
from tam.explanation.explanation import Explanation
from tam.methods.class_activation import LAYER, activations, as_matrix, places_with_gradient
from tam.methods.options import check_positive
from tam.methods.result import Targets, explained, resolve_targets
from tam.recording.trace import Trace
from tam.replay import LayerName, Replay

_DOMINANT, _NOISE = -2, -1


def cf_cam(
    trace: Trace,
    replay: Replay,
    targets: Targets = None,
    *,
    layer: LayerName = LAYER,
    sigma: float = 1.0,
) -> Explanation:
    """Weight a layer's channels in three ranks: dominant ones, clusters, and noise.

    The channels of the layer's states A [N, D] at the vision cells are divided by the activations
    only: those whose norm is in the highest quarter are dominant; the others are clustered by
    DBSCAN (radius: the lower quartile of the distances between channels; a core has at least 5 % of
    them, and 2, around it); its noise is dropped. With G = ∂y / ∂A, y the token's logit,
    a dominant channel has the weight ``mean_p G[p, d]``; the channels of a cluster share the mean
    of the cluster's mean gradient after a Gaussian filter on the vision grid. With these weights
    a [D] the map is ``relu(sum_d a[d] A[p, d])``.

    The ranks, the radius and the core size are the published code's (github.com/jerrypan617/
    CF-CAM). Two parts of that code are left out. Its filter derives the kernel from the gradient
    itself, which has no meaning on several grids; here the kernel is the paper's plain Gaussian.
    Its softmax makes all weights positive, which suits a network whose states are not negative;
    those of a transformer have both signs. States of a tower that form one vision token are
    averaged first. Maps [K, N]. Cost: one forward pass and one backward pass for each target;
    DBSCAN on D channels once.

    Parameters
    ----------
    trace, replay, targets
        See :mod:`tam.methods`.
    layer
        The layer whose states are weighted.
    sigma
        Standard deviation of the filter in cells.

    Raises
    ------
    SetupError
        If scikit-learn is missing.
    """
    check_positive("sigma", sigma)
    asked = resolve_targets(trace, targets)
    where = places_with_gradient(replay, layer)
    found = activations(replay, asked, layer, where)

    def on_cells(rows: Any) -> NDArray[np.float32]:
        """[N, D] from [S, D]."""
        return np.stack([where.to_cells(column) for column in rows.numpy().T], axis=1)

    states = on_cells(found.states)
    ranks = channel_ranks(states)
    maps = []
    for gradient in found.gradients():
        shares = weights(on_cells(gradient), ranks, trace.vision.filter_grids, sigma)
        maps.append(np.maximum(states @ shares, 0))
    method = {"name": "cf-cam", "layer": layer, "sigma": sigma}
    return explained(trace, asked, as_matrix(maps, where.count), method)


def channel_ranks(states: NDArray[np.float32]) -> NDArray[np.int64]:
    """Rank the channels of states [N, D], int64 [D]: -2 dominant, -1 noise, else the cluster."""
    try:
        from sklearn.cluster import DBSCAN
    except ImportError as error:
        raise SetupError(
            "scikit-learn is missing",
            where="method cf-cam",
            remedy="pip install 'token-activation-map[methods]'",
        ) from error
    norms = np.linalg.norm(states, axis=0)
    ranks = np.full(len(norms), _DOMINANT, np.int64)
    rest = np.flatnonzero(norms < np.percentile(norms, 75))
    if len(rest) > 1:
        channels = states.T[rest]
        radius = max(float(np.percentile(pdist(channels), 25)), 1e-5)
        ranks[rest] = DBSCAN(eps=radius, min_samples=max(2, len(rest) // 20)).fit_predict(channels)
    return ranks


def weights(
    gradient: NDArray[np.float32],
    ranks: NDArray[np.int64],
    grids: Sequence[tuple[int, int]],
    sigma: float,
) -> NDArray[np.float32]:
    """float32 [D]: the weights of all channels, 0 for noise; gradient [N, D]."""
    found: NDArray[np.float32] = np.where(ranks == _NOISE, 0, gradient.mean(axis=0))
    for cluster in range(int(ranks.max()) + 1):
        members = ranks == cluster
        found[members] = _filtered(gradient[:, members].mean(axis=1), grids, sigma).mean()
    return found


def _filtered(
    cells: NDArray[np.float32], grids: Sequence[tuple[int, int]], sigma: float
) -> NDArray[np.float32]:
    first, rows = 0, []
    for height, width in grids:
        grid = cells[first : first + height * width].reshape(height, width)
        rows.append(gaussian_filter(grid, sigma, mode="nearest").ravel())
        first += height * width
    return np.concatenate(rows)
