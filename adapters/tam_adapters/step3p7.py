"""Step 3.7: windows row by row, then the whole picture, each reduced by convolutions."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tam.families.adapter import Adapter, Encoded, PlacedMedia
from tam.families.processor import Processor
from tam.geometry.layout import Box, VisionGrid, VisionLayout
from tam_adapters.tiles import (
    equal_views,
    even_seams,
    misfit,
    picture_grid,
    square_side,
    stitched,
    token_runs,
    whole_box,
)

_REDUCED = 4
"""Patches along a token's side, after two convolutions of stride 2."""


class Step3p7Adapter(Adapter):
    """Places the windows and the whole picture at the centres of the tower's convolutions.

    A picture is squashed to whole windows, whose size depends on its aspect ratio; the image
    processor's own function computes their arrangement. Very thin pictures are first padded to a
    square, on the right or below. A convolution over three patches with stride 2 is centred at
    every second patch, so the first token of a view is centred at its first patch and not at its
    first 4 × 4 patches. Each token also sees three patches around its centre.
    """

    family = "Step 3.7"
    reads_clips = False
    convolutional = True
    # Bilinear resizes (2), then convolutions that reach over four patches of 14 pixels (56).
    resize_radius = 58
    notes = ("Through convolutions, a vision token also sees the surroundings of its cell.",)

    def cell_pixels(self, config: Any, processor: Processor) -> tuple[int, int] | None:
        """Return the height and width of a vision token in pixels of the model's input."""
        del processor
        side = _REDUCED * int(config.vision_config.patch_size)
        return side, side

    def vision_layout(self, encoded: Encoded) -> VisionLayout:
        """Place every vision token of an encoded prompt.

        Raises
        ------
        ModelError
            If the prompt does not match its pictures.
        """
        runs = token_runs(encoded.ids, int(encoded.config.image_token_id))
        grids: list[VisionGrid] = []
        for index, placed in enumerate(encoded.media):
            (rows, columns), box = _plan(encoded.processor.image_processor, placed)
            own, runs = runs[: rows * columns + 1], runs[rows * columns + 1 :]
            if len(own) != rows * columns + 1:
                raise misfit("the prompt does not show all its views", placed.media.name)
            grids += _grids(index, placed, own, (rows, columns), box)
        if runs:
            raise misfit(f"the prompt shows {len(runs)} views too many")
        return VisionLayout(grids=tuple(grids), separators=np.zeros(0, np.int64))


def _grids(
    index: int,
    placed: PlacedMedia,
    runs: Sequence[NDArray[np.int64]],
    arrangement: tuple[int, int],
    box: Box,
) -> list[VisionGrid]:
    """Return the grids of one picture: of its windows, if there are any, and of the whole of it."""
    *windows, whole = runs
    side = square_side(len(whole), placed.media.name)
    view, shape = "thumbnail" if windows else "whole", (side, side)
    shown = picture_grid(index, placed, view, shape, whole, _centred(box, shape))
    if not windows:
        return [shown]
    views = equal_views(windows, placed.media.name)
    side = square_side(views.shape[1], placed.media.name)
    rows, columns = arrangement
    positions, shape = (
        stitched(views.ravel(), arrangement, (side, side)),
        (rows * side, columns * side),
    )
    canvas = _centred(box, shape)
    seams = even_seams(canvas, arrangement)
    return [picture_grid(index, placed, "tiles", shape, positions, canvas, seams), shown]


def _plan(image_processor: Any, placed: PlacedMedia) -> tuple[tuple[int, int], Box]:
    """Return the rows and columns of windows (0, 0 if there are none), and the region shown."""
    plan = getattr(image_processor, "_plan_patches", None)
    if plan is None:
        raise misfit(
            "has no known function that arranges the windows of a picture",
            type(image_processor).__name__,
            "use the image processor that the checkpoint was published with",
        )
    height, width = placed.media.height, placed.media.width
    size, window = int(image_processor.size["height"]), int(image_processor.patch_size)
    columns, rows, padded = plan(width, height, size, window)[3:]
    longest = max(height, width)
    return (int(rows), int(columns)), (0, 0, longest, longest) if padded else whole_box(placed)


def _centred(box: Box, shape: tuple[int, int]) -> Box:
    """Shift the region of a grid so that its cells lie at the centres of the convolutions."""
    left, top, right, bottom = box
    to_centre = (_REDUCED - 1) / 2 / _REDUCED
    x, y = (right - left) / shape[1] * to_centre, (bottom - top) / shape[0] * to_centre
    return (left - x, top - y, right - x, bottom - y)
