"""Occlusion of superpixels: regions that follow the picture's edges."""

import numpy as np
from numpy.typing import NDArray

from tam.errors import SetupError
from tam.explanation.explanation import Explanation
from tam.media.media import Media
from tam.methods.options import check_whole
from tam.methods.perturbation import Region, drops, pixels_of
from tam.methods.result import Targets, explained, resolve_targets
from tam.recording.trace import Trace
from tam.replay import Replay


def superpixel_occlusion(
    trace: Trace, replay: Replay, targets: Targets = None, *, segments: int = 64, batch: int = 16
) -> Explanation:
    """Cover one superpixel after the other, and measure the word's loss.

    ``relu(log p(word) - log p(word | superpixel covered))`` as in
    :func:`tam.methods.occlusion.occlusion`, for the superpixels of scikit-image's SLIC
    (doi 10.1109/TPAMI.2012.120); of a clip, those of the mean of each temporal cell's frames. A
    cell has the mean loss over its pixels. (OpenCV has superpixels in its contrib build alone,
    which cannot be installed beside the plain one.) Maps [K, N] of the reply's words. Cost: about
    ``segments`` + 1 forward passes for each picture and each temporal cell of a clip, for all words
    together.

    Parameters
    ----------
    trace, replay, targets
        See :mod:`tam.methods`.
    segments
        The approximate number of superpixels of a picture.
    batch
        How many pictures go through the model at once.

    Raises
    ------
    SetupError
        If scikit-image is missing.
    """
    check_whole("segments", segments)
    check_whole("batch", batch)
    asked = resolve_targets(trace, targets, prompt=False)
    regions: list[Region] = []
    labels: dict[tuple[int, int, int], NDArray[np.int64]] = {}
    for grid in trace.vision.grids:
        for start, stop in grid.spans.tolist():
            if (grid.media, start, stop) not in labels:
                found = _superpixels(trace.media[grid.media], start, stop, segments)
                labels[grid.media, start, stop] = found + len(regions)
                count = int(found.max()) + 1
                regions += [Region(grid.media, start, stop, found == i) for i in range(count)]
    lost = drops(replay, regions, batch)[[t - trace.text.prompt_targets for t in asked]]
    columns = []
    for grid in trace.vision.grids:
        for start, stop in grid.spans.tolist():
            owner = labels[grid.media, start, stop]
            for box in grid.boxes:
                inside = owner[pixels_of(box, trace.media[grid.media])].ravel()
                columns.append(lost[:, inside].mean(1) if len(inside) else np.zeros(len(asked)))
    evidence = np.maximum(np.stack(columns, axis=1), 0).astype(np.float32)
    method = {"name": "superpixel-occlusion", "segments": segments}
    return explained(trace, asked, evidence, method)


def _superpixels(media: Media, start: int, stop: int, segments: int) -> NDArray[np.int64]:
    """Int [H, W] from 0 on: the superpixel of each pixel."""
    try:
        from skimage.segmentation import slic
    except ImportError as error:
        raise SetupError(
            "scikit-image is missing",
            where="method superpixel-occlusion",
            remedy="pip install 'token-activation-map[methods]'",
        ) from error
    picture = media.frames[start:stop].mean(axis=0) / 255
    labels: NDArray[np.int64] = slic(picture, n_segments=segments, start_label=0).astype(np.int64)
    return np.unique(labels, return_inverse=True)[1].reshape(labels.shape)
