"""Superpixels, the regions that perturbation methods cover."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tam.errors import SetupError
from tam.geometry.cell_colors import pixels_of
from tam.media.media import Media
from tam.methods.perturbation import Region
from tam.recording.trace import Trace


@dataclass(frozen=True, eq=False)
class Superpixels:
    """The superpixels of all pictures of a run.

    Parameters
    ----------
    trace
        The run.
    regions
        The G superpixels; each temporal cell of a clip has its own.
    labels
        int64 [H, W] for each picture (or temporal cell of a clip: media, first frame, end): the
        superpixel of each pixel, an index into ``regions``.
    """

    trace: Trace
    regions: Sequence[Region]
    labels: Mapping[tuple[int, int, int], NDArray[np.int64]]

    def to_cells(self, values: NDArray[np.floating]) -> NDArray[np.float32]:
        """Average values [T, G] over each cell's pixels, float32 [T, N]; 0 if it has none."""
        columns = []
        for grid in self.trace.vision.grids:
            for start, stop in grid.spans.tolist():
                owner = self.labels[grid.media, start, stop]
                for box in grid.boxes:
                    inside = owner[pixels_of(box, self.trace.media[grid.media])].ravel()
                    empty = np.zeros(len(values))
                    columns.append(values[:, inside].mean(1) if len(inside) else empty)
        return np.stack(columns, axis=1).astype(np.float32)


def superpixels(trace: Trace, segments: int, *, adaptive: bool = False) -> Superpixels:
    """Segment each picture into about ``segments`` superpixels with scikit-image's SLIC.

    Plain SLIC leaves a noisy picture in a few pieces. ``adaptive`` chooses SLICO, its variant that
    adapts the weight of colors in each superpixel, and keeps the number also then.
    For a clip, the mean of each temporal cell's frames is segmented. (OpenCV has superpixels only
    in its contrib build, which cannot be installed alongside the plain one.) Source: doi
    10.1109/TPAMI.2012.120.

    Raises
    ------
    SetupError
        If scikit-image is missing.
    """
    regions: list[Region] = []
    labels: dict[tuple[int, int, int], NDArray[np.int64]] = {}
    for grid in trace.vision.grids:
        for start, stop in grid.spans.tolist():
            if (grid.media, start, stop) not in labels:
                found = _labels(trace.media[grid.media], start, stop, segments, adaptive)
                labels[grid.media, start, stop] = found + len(regions)
                count = int(found.max()) + 1
                regions += [Region(grid.media, start, stop, found == i) for i in range(count)]
    return Superpixels(trace, regions, labels)


def _labels(
    media: Media, start: int, stop: int, segments: int, adaptive: bool
) -> NDArray[np.int64]:
    """Return the superpixel of each pixel, int64 [H, W], numbered from 0."""
    try:
        from skimage.segmentation import slic
    except ImportError as error:
        raise SetupError(
            "scikit-image is missing",
            where="superpixels",
            remedy="pip install 'token-activation-map[methods]'",
        ) from error
    picture = media.frames[start:stop].mean(axis=0) / 255
    found = slic(picture, n_segments=segments, start_label=0, slic_zero=adaptive)
    labels: NDArray[np.int64] = found.astype(np.int64)
    return np.unique(labels, return_inverse=True)[1].reshape(labels.shape)
