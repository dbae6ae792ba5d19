"""Occlusion of superpixels: regions that follow the picture's edges."""

import numpy as np

from tam.explanation.explanation import Explanation
from tam.methods.options import check_whole
from tam.methods.perturbation import drops
from tam.methods.result import Targets, explained, resolve_targets
from tam.methods.superpixels import superpixels
from tam.recording.trace import Trace
from tam.replay import Replay


def superpixel_occlusion(
    trace: Trace, replay: Replay, targets: Targets = None, *, segments: int = 64, batch: int = 16
) -> Explanation:
    """Cover one superpixel after another, and measure the word's loss.

    ``relu(log p(word) - log p(word | superpixel covered))`` as in
    :func:`tam.methods.occlusion.occlusion`, for the superpixels of
    :func:`tam.methods.superpixels.superpixels`. A cell has the mean loss over its pixels. Maps
    [K, N] of the reply's words. Cost: about ``segments`` + 1 forward passes for each picture and
    each temporal cell of a clip, for all words together.

    Parameters
    ----------
    trace, replay, targets
        See :mod:`tam.methods`.
    segments
        The approximate number of superpixels of a picture.
    batch
        The number of pictures in one forward pass.

    Raises
    ------
    SetupError
        If scikit-image is missing.
    """
    check_whole("segments", segments)
    check_whole("batch", batch)
    asked = resolve_targets(trace, targets, prompt=False)
    cut = superpixels(trace, segments)
    lost = drops(replay, cut.regions, batch)[[t - trace.text.prompt_targets for t in asked]]
    evidence = np.maximum(cut.to_cells(lost), 0)
    method = {"name": "superpixel-occlusion", "segments": segments}
    return explained(trace, asked, evidence, method)
