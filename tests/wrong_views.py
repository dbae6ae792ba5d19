"""Layouts of several views that are wrong on purpose: what a probe has to find."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from tam.families.adapter import Adapter, Encoded
from tam.geometry.layout import VisionGrid, VisionLayout

Rearrange = Callable[[VisionLayout], VisionLayout]


class Rearranged(Adapter):
    """An adapter whose layout is changed as a whole."""

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
    """As if the tiles' tokens ran row by row over the whole canvas."""
    return replace(grid, positions=np.sort(grid.positions))


def columns_first(grid: VisionGrid) -> VisionGrid:
    t, h, w = grid.shape
    order = grid.positions.reshape(t, w, h).transpose(0, 2, 1).ravel()
    return replace(grid, positions=order)


def other_arrangement(grid: VisionGrid) -> VisionGrid:
    """As many columns as there are rows: 2 × 3 tiles mistaken for 3 × 2."""
    t, h, w = grid.shape
    return replace(grid, shape=(t, w, h))


def shifted_right(grid: VisionGrid) -> VisionGrid:
    """By a fifth of a cell."""
    left, top, right, bottom = grid.box
    by = (right - left) / grid.shape[2] / 5
    return replace(grid, box=(left + by, top, right + by, bottom))


def shifted_down(grid: VisionGrid) -> VisionGrid:
    """By a fifth of a cell."""
    left, top, right, bottom = grid.box
    by = (bottom - top) / grid.shape[1] / 5
    return replace(grid, box=(left, top + by, right, bottom + by))


def a_cell_further(grid: VisionGrid) -> VisionGrid:
    """To the right and down: for cells so small that a fifth of one is less than a resize mixes."""
    left, top, right, bottom = grid.box
    x, y = (right - left) / grid.shape[2], (bottom - top) / grid.shape[1]
    return replace(grid, box=(left + x, top + y, right + x, bottom + y))


def next_token(grid: VisionGrid) -> VisionGrid:
    return replace(grid, positions=grid.positions + 1)


def later_frame(grid: VisionGrid) -> VisionGrid:
    return replace(grid, spans=grid.spans + 1)


def thumbnail_at_the_other_end(layout: VisionLayout) -> VisionLayout:
    """Of one picture: the thumbnail's tokens taken from the other end of its run."""
    thumbnail = next(grid for grid in layout.grids if grid.view == "thumbnail")
    order = np.sort(layout.positions)
    by = thumbnail.cells if thumbnail.positions.max() == order[-1] else -thumbnail.cells

    def change(grid: VisionGrid) -> VisionGrid:
        rank = (np.searchsorted(order, grid.positions) + by) % order.size
        return replace(grid, positions=order[rank])

    return of_each_grid(change)(layout)


def exchanged_media(layout: VisionLayout) -> VisionLayout:
    """Two pictures mistaken for one another."""
    return of_each_grid(lambda grid: replace(grid, media=1 - grid.media))(layout)


def whole_pictures(layout: VisionLayout) -> VisionLayout:
    """As if every view showed what the thumbnail shows: no padding."""
    box = next(grid.box for grid in layout.grids if grid.view == "thumbnail")
    return of_each_grid(lambda grid: replace(grid, box=box))(layout)
