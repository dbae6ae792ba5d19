"""Occlusion (arXiv 1311.2901) of parts of the vision grid."""

import numpy as np

from tam.explanation.explanation import Explanation
from tam.geometry.cell_colors import pixels_of
from tam.methods.options import check_whole
from tam.methods.perturbation import Region, drops
from tam.methods.result import Targets, explained, resolve_targets
from tam.recording.trace import Trace
from tam.replay import Replay


def occlusion(
    trace: Trace, replay: Replay, targets: Targets = None, *, size: int = 2, batch: int = 16
) -> Explanation:
    """Cover one block of the vision grid after another, and measure the word's loss.

    ``relu(log p(word) - log p(word | block covered))`` for blocks of size × size cells: their
    pixels in the original picture, or in the frames of a temporal cell, take the mean color of the
    picture, the processor and the model run again, and the same reply is read (teacher forcing).
    Each cell has its block's loss; cells outside the picture have 0. Maps [K, N] of the reply's
    words; prompt words have no probability. Cost: N / size² + 1 forward passes for all words
    together, no backward pass.

    Parameters
    ----------
    trace, replay, targets
        See :mod:`tam.methods`.
    size
        Side of a block in cells.
    batch
        The number of pictures in one forward pass.
    """
    check_whole("size", size)
    check_whole("batch", batch)
    asked = resolve_targets(trace, targets, prompt=False)
    regions: list[Region] = []
    blocks: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []
    for grid in trace.vision.grids:
        media = trace.media[grid.media]
        t, h, w = grid.shape
        rows, columns = np.mgrid[0:h, 0:w] // size
        wide = -(-w // size)
        owner = (rows * wide + columns).ravel()
        for step in range(t):
            blocks.append(owner + len(regions))
            for block in range(owner.max() + 1):
                mask = np.zeros((media.height, media.width), bool)
                for box in grid.boxes[owner == block]:
                    mask[pixels_of(box, media)] = True
                start, stop = grid.spans[step]
                regions.append(Region(grid.media, int(start), int(stop), mask))
    lost = drops(replay, regions, batch)[[t - trace.text.prompt_targets for t in asked]]
    evidence = np.maximum(lost[:, np.concatenate(blocks)], 0)
    return explained(trace, asked, evidence, {"name": "occlusion", "size": size})
