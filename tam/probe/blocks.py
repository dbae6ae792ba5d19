"""Blocks of original pixels to change, and the vision tokens that must change with them.

A processor's resize mixes neighbouring pixels, so a token sees slightly beyond its cell, by a
distance that is known exactly. Let one pixel of the model's input cover ``step`` original pixels.
It is a weighted sum of the original pixels whose centres lie within ``resize_radius *
max(step, 1)`` of its own centre (the radius is 2 for bicubic and 3 for Lanczos; the factor
max(step, 1) is antialiasing), and its centre lies at least ``step / 2`` inside its cell. So, on
each axis,

- a token **may** change if the centre of a changed pixel lies less than
  ``resize_radius * max(step, 1) - step / 2`` beyond its cell;
- a token **must** change if the block overlaps its cell by ``step`` or more, because then the
  centre of one of its input pixels lies within the block.

Blocks are cut so that both conditions select the same tokens wherever cells are large enough: a
block is a cell shrunk by that distance on each side, or a quarter of it, so that exactly one token
must change and no other may. Additional blocks lie outside a crop, where no token may change.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tam.geometry.layout import Box, VisionGrid, VisionLayout
from tam.media.media import Media


@dataclass(frozen=True)
class Block:
    """A block of original pixels of one frame: ``x0 <= x < x1``, ``y0 <= y < y1``."""

    media: int
    frame: int
    x0: int
    y0: int
    x1: int
    y1: int

    def __str__(self) -> str:
        return (
            f"media {self.media} frame {self.frame} "
            f"x {self.x0} to {self.x1} y {self.y0} to {self.y1}"
        )


@dataclass(frozen=True)
class Resampling:
    """How a processor resizes.

    Parameters
    ----------
    cell_height, cell_width
        Size of one token's cell in pixels of the model's input.
    resize_radius
        Half width of the resampling kernel in pixels: 1 bilinear, 2 bicubic, 3 Lanczos.
    """

    cell_height: int
    cell_width: int
    resize_radius: int

    def steps(self, grid: VisionGrid) -> tuple[float, float]:
        """Return how many original pixels one input pixel covers, along y and along x."""
        x0, y0, x1, y1 = grid.boxes[0]
        return float(y1 - y0) / self.cell_height, float(x1 - x0) / self.cell_width

    def reach(self, step: float) -> float:
        """Return how far beyond its cell a token sees the centres of pixels, in original pixels."""
        return self.resize_radius * max(step, 1.0) - step / 2


def tokens_of(
    layout: VisionLayout, block: Block, resampling: Resampling
) -> tuple[set[int], set[int]]:
    """Return the positions of the tokens that must change with a block, and of those that may."""
    must: set[int] = set()
    may: set[int] = set()
    for grid in layout.grids:
        if grid.media != block.media:
            continue
        step_y, step_x = resampling.steps(grid)
        x0, y0, x1, y1 = grid.boxes.T
        must_x, may_x = _along(x0, x1, block.x0, block.x1, step_x, resampling)
        must_y, may_y = _along(y0, y1, block.y0, block.y1, step_y, resampling)
        shown = (grid.spans[:, 0] <= block.frame) & (block.frame < grid.spans[:, 1])
        cells = grid.positions.reshape(len(shown), -1)[shown]
        must |= set(cells[:, must_x & must_y].ravel().tolist())
        may |= set(cells[:, may_x & may_y].ravel().tolist())
    return must, may | must


def choose_blocks(
    layout: VisionLayout,
    media: list[Media],
    resampling: Resampling,
    *,
    random_cells: int,
    seed: int,
) -> Iterator[Block]:
    """Yield blocks in the corners, in the middle, at random, and outside of all grids."""
    rng = np.random.default_rng(seed)
    for grid in layout.grids:
        picture = media[grid.media]
        inside = _inside_blocks(grid, picture, resampling)
        if not inside:
            continue
        corners = [inside[i] for i in sorted(_corner_indices(inside))]
        frames = len(picture.frames)
        drawn = rng.integers(len(inside), size=max(random_cells, frames))
        steps = resampling.steps(grid)
        quarters = [_quarter(inside[i], number, steps) for number, i in enumerate(drawn)]
        chosen = corners + quarters
        for number, (x0, y0, x1, y1) in enumerate(chosen):
            # The random cells cycle through the frames, so each frame is changed at least once.
            yield Block(grid.media, (number - len(corners)) % frames, x0, y0, x1, y1)
    for index, picture in enumerate(media):
        for box in _outside_blocks(layout, index, picture, resampling):
            yield Block(index, int(rng.integers(len(picture.frames))), *box)


def _along(
    first: NDArray[np.float64],
    last: NDArray[np.float64],
    start: int,
    stop: int,
    step: float,
    resampling: Resampling,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which cells must and may change with the pixels start … stop - 1 of one axis."""
    reach = resampling.reach(step)
    tolerance = 1e-6
    must = np.minimum(last, stop) - np.maximum(first, start) >= step - tolerance
    may = (stop - 0.5 > first - reach + tolerance) & (start + 0.5 < last + reach - tolerance)
    return must, may


def _inside_blocks(
    grid: VisionGrid, picture: Media, resampling: Resampling
) -> list[tuple[int, int, int, int]]:
    """Return one block for each cell that lies at least partly in the picture."""
    step_y, step_x = resampling.steps(grid)
    blocks = []
    for x0, y0, x1, y1 in grid.boxes:
        along_x = _shrunk(x0, x1, picture.width, step_x, resampling)
        along_y = _shrunk(y0, y1, picture.height, step_y, resampling)
        if along_x is not None and along_y is not None:
            blocks.append((along_x[0], along_y[0], along_x[1], along_y[1]))
    return blocks


def _shrunk(
    first: float, last: float, size: int, step: float, resampling: Resampling
) -> tuple[int, int] | None:
    """Return the pixels of a cell that no other cell sees, or its central ones if too few.

    The result is None if the picture fills less than one input pixel of the cell.
    """
    seen_first, seen_last = max(first, 0.0), min(last, float(size))
    if seen_last - seen_first < step:
        return None
    margin = resampling.reach(step) - 0.5
    start, stop = int(np.ceil(max(first + margin, 0))), int(np.floor(min(last - margin, size)))
    if stop - start < max(step, 1):
        length = min(int(np.ceil(step)), size)
        start = int((seen_first + seen_last - length + 1) / 2)
        start = min(max(start, 0), size - length)
        stop = start + length
    return start, stop


def _quarter(
    block: tuple[int, int, int, int], number: int, steps: tuple[float, float]
) -> tuple[int, int, int, int]:
    """Return a quarter of a block, or a half where a quarter would be less than one input pixel.

    A wrong grid with exchanged axes has elongated cells that contain many true cells. Changing
    whole cells would not reveal it, but changing parts of them does.
    """
    x0, y0, x1, y1 = block
    x, y = (x0 + x1) // 2, (y0 + y1) // 2
    if min(x - x0, x1 - x) >= max(steps[1], 1):
        x0, x1 = (x, x1) if number % 2 else (x0, x)
    if min(y - y0, y1 - y) >= max(steps[0], 1):
        y0, y1 = (y, y1) if number // 2 % 2 else (y0, y)
    return x0, y0, x1, y1


def _corner_indices(blocks: list[tuple[int, int, int, int]]) -> set[int]:
    """Return the indices of the four outermost blocks and of the one closest to the middle."""
    centres = np.array([((x0 + x1) / 2, (y0 + y1) / 2) for x0, y0, x1, y1 in blocks])
    low, high = centres.min(axis=0), centres.max(axis=0)
    wanted = [low, high, (low[0], high[1]), (high[0], low[1]), (low + high) / 2]
    return {int(np.argmin(((centres - point) ** 2).sum(axis=1))) for point in wanted}


def _outside_blocks(
    layout: VisionLayout, index: int, picture: Media, resampling: Resampling
) -> list[tuple[int, int, int, int]]:
    """Return blocks in the strips at the picture's edges that no grid shows."""
    grids = [grid for grid in layout.grids if grid.media == index]
    if not grids:
        return []
    seen = _union([grid.box for grid in grids])
    steps = [resampling.steps(grid) for grid in grids]
    margin_y = max(resampling.reach(y) for y, _ in steps) + 0.5
    margin_x = max(resampling.reach(x) for _, x in steps) + 0.5
    left, right = int(np.floor(seen[0] - margin_x)), int(np.ceil(seen[2] + margin_x))
    top, bottom = int(np.floor(seen[1] - margin_y)), int(np.ceil(seen[3] + margin_y))
    height, width = picture.height, picture.width
    strips = [
        (0, 0, left, height),
        (right, 0, width, height),
        (0, 0, width, top),
        (0, bottom, width, height),
    ]
    return [(x0, y0, x1, y1) for x0, y0, x1, y1 in strips if x1 > x0 and y1 > y0]


def _union(boxes: list[Box]) -> Box:
    corners = np.array(boxes)
    x0, y0 = corners[:, :2].min(axis=0)
    x1, y1 = corners[:, 2:].max(axis=0)
    return (float(x0), float(y0), float(x1), float(y1))
