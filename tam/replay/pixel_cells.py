"""The vision cell of each pixel of a model's input."""

import numpy as np
from numpy.typing import NDArray

from tam.capture.access import exclusive
from tam.errors import ModelError
from tam.geometry.layout import VisionGrid
from tam.probe.vision_features import attention_off
from tam.replay.places import Places, located
from tam.replay.replay import Replay

REMEDY = "leave out the option pixels"
"""What to do if relevance cannot be propagated to pixels."""


def pixel_cells(replay: Replay) -> Places:
    """Find the cell of each value of the pixel inputs.

    Families arrange pixels differently (pictures, tiles, flattened patches), so the mapping is
    measured as in :func:`tam.replay.places.places`. A convolutional tower mixes neighbouring cells
    everywhere; there a pixel belongs to the cell whose area of the input it lies in.

    Returns
    -------
    Places
        Its rows are the values of all pixel inputs, flattened and concatenated. Pixels that no
        vision token reads are in no cell.

    Raises
    ------
    ModelError
        If the pixels cannot be placed.
    """
    module, adapter = replay.checkpoint.module, replay.checkpoint.adapter
    if adapter.convolutional:
        return _by_area(replay, replay.trace.vision.grids)
    columns = {
        name: value.detach()[..., None].requires_grad_() for name, value in replay.pixels.items()
    }
    pixels = {name: column[..., 0] for name, column in columns.items()}
    with exclusive(module), attention_off(module, adapter):
        run = replay.run([0], layers=["input"], gradients=True, pixels=pixels, checked=False)
    [[embeddings]] = run.states
    found = located(replay, embeddings, list(columns.values()), what="pixel", remedy=REMEDY)
    if not len(found.rows):
        raise _unplaced(replay, f"no vision token depends on {', '.join(columns)}")
    return found


def _by_area(replay: Replay, grids: tuple[VisionGrid, ...]) -> Places:
    """Divide pictures [B, C, H, W], one for each grid, evenly into the cells of the grids."""
    shapes = [tuple(value.shape) for value in replay.pixels.values()]
    pictures = [grid for grid in grids if grid.shape[0] == 1]
    if len(shapes) != 1 or len(shapes[0]) != 4 or not len(grids) == len(pictures) == shapes[0][0]:
        raise _unplaced(replay, f"{len(grids)} grids do not match pixels of the shapes {shapes}")
    _, channels, height, width = shapes[0]
    parts: list[NDArray[np.int64]] = []
    first = 0
    for grid in grids:
        _, rows, columns = grid.shape
        if height % rows or width % columns:
            raise _unplaced(replay, f"{rows} × {columns} cells do not divide {height} × {width}")
        cells = first + np.arange(grid.cells, dtype=np.int64).reshape(rows, columns)
        area = cells.repeat(height // rows, 0).repeat(width // columns, 1)
        parts.append(np.broadcast_to(area, (channels, height, width)).ravel())
        first += grid.cells
    index = np.concatenate(parts)
    return Places(np.arange(len(index), dtype=np.int64), index, first)


def _unplaced(replay: Replay, what: str) -> ModelError:
    return ModelError(what, where=replay.checkpoint.adapter.family, remedy=REMEDY)
