"""Layouts of several views that are deliberately wrong, which the layout probe must detect."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from tam.families.adapter import Adapter, Encoded
from tam.geometry.layout import VisionGrid, VisionLayout

Rearrange = Callable[[VisionLayout], VisionLayout]


class Rearranged(Adapter):
    """An adapter that changes the whole layout."""

    family = "rearranged"

    def __init__(self, adapter: Adapter, rearrange: Rearrange) -> None:
        self.adapter, self.rearrange = adapter, rearrange
        self.chat_template = adapter.chat_template
        self.mixers, self.convolutional = adapter.mixers, adapter.convolutional

    def call_processor(self, processor: Any, options: Mapping[str, Any]) -> Any:
        return self.adapter.call_processor(processor, options)

    def cell_pixels(self, config: Any, processor: Any) -> tuple[int, int] | None:
        return self.adapter.cell_pixels(config, processor)

    def decoder(self, model: Any) -> Any:
        return self.adapter.decoder(model)

    def embedding_consumer(self, model: Any) -> Any:
        return self.adapter.embedding_consumer(model)

    def input_embeddings(self, args: Any, kwargs: Any) -> Any:
        return self.adapter.input_embeddings(args, kwargs)

    def vision_layout(self, encoded: Encoded) -> VisionLayout:
        return self.rearrange(self.adapter.vision_layout(encoded))


def of_each_grid(change: Callable[[VisionGrid], VisionGrid]) -> Rearrange:
    def rearrange(layout: VisionLayout) -> VisionLayout:
        return replace(layout, grids=tuple(change(grid) for grid in layout.grids))

    return rearrange


def tile_after_tile(grid: VisionGrid) -> VisionGrid:
    """Pretend that tokens are ordered row by row over the whole canvas instead of by tile."""
    return replace(grid, positions=np.sort(grid.positions))


def columns_first(grid: VisionGrid) -> VisionGrid:
    t, h, w = grid.shape
    order = grid.positions.reshape(t, w, h).transpose(0, 2, 1).ravel()
    return replace(grid, positions=order)


def other_arrangement(grid: VisionGrid) -> VisionGrid:
    """Exchange the numbers of rows and columns, such as 2 × 3 tiles with 3 × 2."""
    t, h, w = grid.shape
    return replace(grid, shape=(t, w, h))


def shifted_right(grid: VisionGrid) -> VisionGrid:
    """Shift a grid by a fifth of a cell."""
    left, top, right, bottom = grid.box
    by = (right - left) / grid.shape[2] / 5
    return replace(grid, box=(left + by, top, right + by, bottom))


def shifted_down(grid: VisionGrid) -> VisionGrid:
    """Shift a grid by a fifth of a cell."""
    left, top, right, bottom = grid.box
    by = (bottom - top) / grid.shape[1] / 5
    return replace(grid, box=(left, top + by, right, bottom + by))


def a_cell_further(grid: VisionGrid) -> VisionGrid:
    """Shift a grid to the right and down, for cells so small that a resize hides a fifth of one."""
    left, top, right, bottom = grid.box
    x, y = (right - left) / grid.shape[2], (bottom - top) / grid.shape[1]
    return replace(grid, box=(left + x, top + y, right + x, bottom + y))


def next_token(grid: VisionGrid) -> VisionGrid:
    return replace(grid, positions=grid.positions + 1)


def later_frame(grid: VisionGrid) -> VisionGrid:
    return replace(grid, spans=grid.spans + 1)


def thumbnail_at_the_other_end(layout: VisionLayout) -> VisionLayout:
    """Take the thumbnail's tokens of a single picture from the other end of its run."""
    thumbnail = next(grid for grid in layout.grids if grid.view == "thumbnail")
    order = np.sort(layout.positions)
    by = thumbnail.cells if thumbnail.positions.max() == order[-1] else -thumbnail.cells

    def change(grid: VisionGrid) -> VisionGrid:
        rank = (np.searchsorted(order, grid.positions) + by) % order.size
        return replace(grid, positions=order[rank])

    return of_each_grid(change)(layout)


def exchanged_media(layout: VisionLayout) -> VisionLayout:
    """Exchange two pictures with each other."""
    return of_each_grid(lambda grid: replace(grid, media=1 - grid.media))(layout)


def whole_pictures(layout: VisionLayout) -> VisionLayout:
    """Pretend that each view shows what the thumbnail shows, ignoring padding."""
    box = next(grid.box for grid in layout.grids if grid.view == "thumbnail")
    return of_each_grid(lambda grid: replace(grid, box=box))(layout)
