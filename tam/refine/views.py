"""Other views of the pictures, explained with the same reply and mapped back to the cells."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tam.geometry.cell_colors import pixels_of
from tam.media.media import Media
from tam.recording.running import run
from tam.refine.refinement import Maps, Work
from tam.replay import Replay
from tam.replay.replay import with_media

Frames = NDArray[np.uint8]
Picture = NDArray[np.float32]


def seen_otherwise(
    work: Work, view: Callable[[Frames], Frames], back: Callable[[Picture, Media], Picture]
) -> Maps:
    """Explain the reply to other views of the pictures, with the same method.

    Parameters
    ----------
    work
        The run.
    view
        A function that makes another view of frames, uint8 [T, H, W, 3].
    back
        A function that brings a map of that view back to the pixels [H, W] of the media.

    Returns
    -------
    float32 [T, N]: the mean over each cell's pixels.
    """
    recorded = work.replay.recording
    media = [replace(item, frames=view(item.frames)) for item in work.trace.media]
    prepared = recorded.prepared
    other = run(
        work.replay.checkpoint,
        with_media(prepared.conversation, media),
        answer=recorded.run.ids.tolist(),
        template_variables=prepared.template_variables,
    )
    found = work.method(Replay(work.replay.checkpoint, other))
    maps = np.zeros((len(work.targets), len(work.trace.vision.positions)), np.float32)
    for index, target in enumerate(work.targets):
        for grid, step, columns in work.frames():
            item = work.trace.media[grid.media]
            seen = back(found.token_map(target, grid.media, int(grid.spans[step, 0])), item)
            boxes = [seen[pixels_of(box, item)] for box in grid.boxes]
            maps[index, columns] = [box.mean() if box.size else 0 for box in boxes]
    return maps
