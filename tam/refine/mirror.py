"""The mean of two views: the picture and the picture mirrored."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tam.geometry.cell_colors import pixels_of
from tam.media.media import Media
from tam.recording.running import run
from tam.refine.refinement import Maps, Work
from tam.replay import Replay
from tam.replay.replay import with_media


def mirror(maps: Maps, work: Work) -> Maps:
    """Explain the reply to the mirrored pictures too, and take the mean.

    The model reads the same reply after the pictures mirrored from left to right; each map of that
    run is mirrored back at the size of the picture, and a cell has the mean over its pixels. Words
    that name a side mean the other one there. Source: equivariance of class activation maps (SEAM,
    Wang et al. 2020, arXiv 2004.04581), as an average at test time. Cost: the run and the method
    once more.
    """
    recorded = work.replay.recording
    media = [replace(item, frames=_mirrored(item)) for item in work.trace.media]
    prepared = recorded.prepared
    other = run(
        work.replay.checkpoint,
        with_media(prepared.conversation, media),
        answer=recorded.run.ids.tolist(),
        template_variables=prepared.template_variables,
    )
    found = work.method(Replay(work.replay.checkpoint, other))
    mirrored = np.zeros_like(maps)
    for index, target in enumerate(work.targets):
        for grid, step, columns in work.frames():
            back = found.token_map(target, grid.media, int(grid.spans[step, 0]))[:, ::-1]
            boxes = [back[pixels_of(box, work.trace.media[grid.media])] for box in grid.boxes]
            mirrored[index, columns] = [box.mean() if box.size else 0 for box in boxes]
    return np.asarray((maps + mirrored) / 2, np.float32)


def _mirrored(item: Media) -> NDArray[np.uint8]:
    return np.ascontiguousarray(item.frames[:, :, ::-1])
