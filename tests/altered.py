"""Adapters with deliberately wrong grids, which the layout probe must detect."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tam.families.adapter import Adapter, Encoded
from tam.geometry.layout import VisionGrid, VisionLayout

Change = Callable[[VisionGrid, Encoded], VisionGrid]


class Altered(Adapter):
    """An adapter that changes each grid."""

    family = "altered"

    def __init__(self, adapter: Adapter, change: Change) -> None:
        self.adapter, self.change = adapter, change
        self.chat_template = adapter.chat_template
        self.mixers, self.convolutional = adapter.mixers, adapter.convolutional

    def call_processor(self, processor: Any, options: Mapping[str, Any]) -> Any:
        return self.adapter.call_processor(processor, options)

    def cell_pixels(self, config: Any, processor: Any) -> tuple[int, int] | None:
        return self.adapter.cell_pixels(config, processor)

    def decoder(self, model: Any) -> Any:
        return self.adapter.decoder(model)

    def vision_layout(self, encoded: Encoded) -> VisionLayout:
        layout = self.adapter.vision_layout(encoded)
        return replace(layout, grids=tuple(self.change(grid, encoded) for grid in layout.grids))


def column_major(grid: VisionGrid, _: Encoded) -> VisionGrid:
    t, h, w = grid.shape
    order = grid.positions.reshape(t, w, h).transpose(0, 2, 1).ravel()
    return replace(grid, positions=order)


def exchanged_axes(grid: VisionGrid, _: Encoded) -> VisionGrid:
    t, h, w = grid.shape
    return replace(grid, shape=(t, w, h))


def shifted(x: float, y: float) -> Change:
    """Shift boxes by fractions of a cell."""

    def change(grid: VisionGrid, _: Encoded) -> VisionGrid:
        left, top, right, bottom = grid.box
        dx = x * (right - left) / grid.shape[2]
        dy = y * (bottom - top) / grid.shape[1]
        return replace(grid, box=(left + dx, top + dy, right + dx, bottom + dy))

    return change


def whole_picture(grid: VisionGrid, encoded: Encoded) -> VisionGrid:
    """Ignore cropping and padding."""
    media = encoded.media[grid.media].media
    return replace(grid, box=(0, 0, media.width, media.height))


def centre_square(grid: VisionGrid, encoded: Encoded) -> VisionGrid:
    """Pretend that the centre is cropped."""
    media = encoded.media[grid.media].media
    side = min(media.width, media.height)
    x, y = (media.width - side) / 2, (media.height - side) / 2
    return replace(grid, box=(x, y, x + side, y + side))


def next_position(grid: VisionGrid, _: Encoded) -> VisionGrid:
    return replace(grid, positions=grid.positions + 1)


def later_frames(grid: VisionGrid, _: Encoded) -> VisionGrid:
    return replace(grid, spans=grid.spans + 1)


def reordered(order: Sequence[int]) -> Change:
    """Exchange media with each other."""

    def change(grid: VisionGrid, _: Encoded) -> VisionGrid:
        return replace(grid, media=order[grid.media])

    return change
