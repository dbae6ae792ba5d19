"""Pictures at any resolution: a base view, then a canvas of tiles without its padding.

The picture is resized to fit a canvas, keeping its aspect ratio, and centred there; the tower sees
the canvas's tiles. The tokens of the padding are then removed, in whole rows or columns and equally
on both sides, and each remaining row ends in a token that marks a new line.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tam.errors import ModelError
from tam.families.adapter import PlacedMedia
from tam.geometry.layout import Box, Seams, VisionGrid
from tam_adapters.tiles import picture_grid

_EVERY_PATCH = Fraction(1)
_CLASS_TOKENS = {"clip_vision_model": 1, "siglip_vision_model": 0}


@dataclass(frozen=True)
class Tower:
    """The square input of a vision tower.

    Parameters
    ----------
    pixels
        Side of the square in pixels.
    cell
        Side of a token in pixels. Only whole tokens exist: a remainder at the edge has none.
    """

    pixels: int
    cell: float

    @property
    def side(self) -> int:
        """The number of tokens along a side."""
        return int(self.pixels / self.cell + 1e-6)

    @property
    def probed(self) -> int:
        """Side of a token in pixels, for the layout probe.

        This is 2 if the grid is approximate (see :meth:`place`), so that the probe allows for
        errors of half a token.
        """
        return int(self.cell) if self.side * self.cell == self.pixels else 2

    def base_box(self, height: int, width: int) -> Box:
        """Return the region that the tokens cover of a picture squashed to the square."""
        seen = self.side * self.cell / self.pixels
        return (0, 0, width * seen, height * seen)

    def place(self, edge: int, tiles: int) -> float:
        """Return the left edge of a token on a canvas, in pixels.

        Where tokens do not fill a tile, each tile has a gap at its end that an evenly spaced grid
        cannot represent. The grid is then placed so that no token is off by more than half of that
        gap (three pixels, with tokens of fourteen pixels in a tile of 384).
        """
        gap = self.pixels - self.side * self.cell
        if tiles == 1 or gap < 1e-6:
            return edge * self.cell
        return edge * self.pixels / self.side - gap / 2


@dataclass(frozen=True)
class Canvas:
    """The kept tokens of a canvas, and the region that they cover.

    Parameters
    ----------
    rows, columns
        Rows and columns of tokens; 0 for a picture so elongated that all tokens count as padding.
    box
        The region, in pixels of the picture.
    seams
        The borders between its tiles, in pixels of the picture.
    """

    rows: int
    columns: int
    box: Box
    seams: Seams

    @property
    def tokens(self) -> int:
        """The number of tokens, including one for each new line."""
        return self.rows * (self.columns + 1)


def tower_of(config: Any, *, tokens: Fraction = _EVERY_PATCH) -> Tower:
    """Read the tower from a model's configuration.

    Parameters
    ----------
    config
        The model's configuration.
    tokens
        Tokens per patch along a side, if patches are merged.

    Raises
    ------
    ModelError
        If the tower does not take a fixed square, or has tokens other than its patches.
    """
    vision = config.vision_config
    if vision.model_type not in _CLASS_TOKENS:
        raise ModelError(
            f"the vision tower {vision.model_type!r} is not known to take a square of fixed size",
            where="vision_config.model_type",
            remedy="use a checkpoint with a CLIP or SigLIP tower",
        )
    expected = "default" if _CLASS_TOKENS[vision.model_type] else "full"
    if config.vision_feature_select_strategy != expected:
        raise ModelError(
            f"{config.vision_feature_select_strategy!r} does not fit the tower "
            f"{vision.model_type!r}: it selects too many or too few of its tokens",
            where="vision_feature_select_strategy",
            remedy=f"use {expected!r} in the model's and the processor's configurations",
        )
    return Tower(int(vision.image_size), int(vision.patch_size) / float(tokens))


def canvas_of(
    tower: Tower, pinpoints: Any, placed: PlacedMedia, *, most_tiles: float = math.inf
) -> Canvas:
    """Lay out the canvas of a picture.

    Parameters
    ----------
    tower
        The tower that reads the tiles.
    pinpoints
        ``image_grid_pinpoints``: the possible canvases, (height, width) in pixels.
    placed
        The picture.
    most_tiles
        The largest number of tiles; the tokens of larger canvases are downsampled to that number
        (``anyres_max_9``).
    """
    from transformers.image_processing_utils import select_best_resolution

    height, width = placed.media.height, placed.media.width
    target = select_best_resolution((height, width), list(pinpoints))
    resized = _resized(target, height, width)
    rows, columns = (length // tower.pixels * tower.side for length in target)
    top = left = 0
    if width / height > columns / rows:
        top = (rows - int(round(height * (columns / width), 7))) // 2
    else:
        left = (columns - int(round(width * (rows / height), 7))) // 2
    y0, y1 = _seen(tower, target[0], rows, top, resized[0], height)
    x0, x1 = _seen(tower, target[1], columns, left, resized[1], width)
    rows, columns = rows - 2 * top, columns - 2 * left
    ratio = math.sqrt(rows * columns / (most_tiles * tower.side**2))
    if ratio > 1.1:
        rows, columns = int(rows // ratio), int(columns // ratio)
    seams = (
        _seams(tower, target[1], resized[1], width),
        _seams(tower, target[0], resized[0], height),
    )
    return Canvas(rows, columns, (x0, y0, x1, y1), seams)


def anyres_grids(
    index: int, placed: PlacedMedia, tower: Tower, canvas: Canvas, run: NDArray[np.int64]
) -> tuple[list[VisionGrid], NDArray[np.int64]]:
    """Return a picture's grids and the positions of its new-line tokens.

    Parameters
    ----------
    index, placed
        The picture.
    tower, canvas
        Its tower and its canvas.
    run
        int64 [side² + canvas.tokens]: positions of its tokens, those of the base view first.
    """
    media, side = placed.media, tower.side
    base, rest = run[: side * side], run[side * side :].reshape(canvas.rows, canvas.columns + 1)
    box = tower.base_box(media.height, media.width)
    grids = [picture_grid(index, placed, "thumbnail", (side, side), base, box)]
    if canvas.rows and canvas.columns:
        shape, tokens = (canvas.rows, canvas.columns), rest[:, :-1].ravel()
        grid = picture_grid(index, placed, "tiles", shape, tokens, canvas.box, canvas.seams)
        grids.append(grid)
    return grids, rest[:, canvas.columns :].ravel()


def _resized(target: tuple[int, int], height: int, width: int) -> tuple[int, int]:
    """Return the height and width to which a picture is resized on a canvas."""
    by_height, by_width = target[0] / height, target[1] / width
    if by_width < by_height:
        return min(math.ceil(height * by_width), target[0]), target[1]
    return target[0], min(math.ceil(width * by_height), target[1])


def _seen(
    tower: Tower, pixels: int, tokens: int, padding: int, resized: int, original: int
) -> tuple[float, float]:
    """Return the first and last pixel of the picture that tokens cover, along one axis."""
    tiles, pasted, step = pixels // tower.pixels, (pixels - resized) // 2, original / resized
    first, last = tower.place(padding, tiles), tower.place(tokens - padding, tiles)
    return (first - pasted) * step, (last - pasted) * step


def _seams(tower: Tower, pixels: int, resized: int, original: int) -> tuple[float, ...]:
    """Return the pixels of the picture where tiles of the canvas meet, along one axis."""
    pasted, step = (pixels - resized) // 2, original / resized
    edges = (edge - pasted for edge in range(tower.pixels, pixels, tower.pixels))
    return tuple(edge * step for edge in edges if 0 < edge < resized)
