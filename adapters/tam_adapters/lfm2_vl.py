"""LFM2-VL: small pictures whole, large ones in tagged tiles followed by a finer thumbnail."""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tam.families.adapter import Adapter, Encoded, PlacedMedia
from tam.families.processor import Processor
from tam.geometry.layout import VisionGrid, VisionLayout
from tam_adapters.tiles import (
    even_seams,
    misfit,
    one_each,
    picture_grid,
    runs_after,
    stitched,
    token_runs,
    whole_box,
)

_TAG = re.compile(r"<\|img_row_(\d+)_col_(\d+)\|>")

_View = tuple[NDArray[np.int64], tuple[int, int]]
"""Positions of a view's tokens, and their rows and columns."""


class Lfm2VLAdapter(Adapter):
    """Places tiles by the tags before them, such as ``<|img_row_1_col_2|>``.

    Tiles and thumbnail are both squashed, to different shapes; the processor's ``spatial_shapes``
    counts the patches of each view.
    """

    family = "LFM2-VL"
    reads_clips = False

    def cell_pixels(self, config: Any, processor: Processor) -> tuple[int, int] | None:
        """Return the height and width of a vision token in pixels of the model's input."""
        del processor
        side = int(config.vision_config.patch_size) * int(config.downsample_factor)
        return side, side

    def vision_layout(self, encoded: Encoded) -> VisionLayout:
        """Place every vision token of an encoded prompt.

        Raises
        ------
        ModelError
            If the prompt does not match its pictures.
        """
        processor, factor = encoded.processor, int(encoded.config.downsample_factor)
        runs = token_runs(encoded.ids, int(encoded.config.image_token_id))
        patches = encoded.arrays.get("spatial_shapes", np.zeros((0, 2), np.int64))
        shapes = [(int(rows) // factor, int(columns) // factor) for rows, columns in patches]
        if [run.size for run in runs] != [rows * columns for rows, columns in shapes]:
            raise misfit(f"the views {shapes} have {[run.size for run in runs]} tokens")
        start = processor.tokenizer.convert_tokens_to_ids(processor.image_start_token)
        groups = runs_after(encoded.ids, int(start), runs)
        one_each(groups, encoded.media)
        remaining = iter(shapes)
        grids: list[VisionGrid] = []
        for index, (placed, group) in enumerate(zip(encoded.media, groups, strict=True)):
            views = [(run, next(remaining)) for run in group]
            grids += _grids(encoded, index, placed, views)
        return VisionLayout(grids=tuple(grids), separators=np.zeros(0, np.int64))


def _grids(
    encoded: Encoded, index: int, placed: PlacedMedia, views: list[_View]
) -> list[VisionGrid]:
    tags = [_tag(encoded, run) for run, _ in views]
    tiles = [view for view, tag in zip(views, tags, strict=True) if tag is not None]
    named = [tag for tag in tags if tag is not None]
    rows, columns = max(named, default=(0, 0))
    expected = [(row + 1, column + 1) for row in range(rows) for column in range(columns)]
    if tags not in (expected, [*expected, None]) or len({shape for _, shape in tiles}) > 1:
        raise misfit("its tiles are not in row-major order", placed.media.name)
    grids = []
    if tiles:
        cells = tiles[0][1]
        canvas = stitched(np.concatenate([run for run, _ in tiles]), (rows, columns), cells)
        shape = (rows * cells[0], columns * cells[1])
        seams = even_seams(whole_box(placed), (rows, columns))
        grids.append(picture_grid(index, placed, "tiles", shape, canvas, seams=seams))
    if len(views) > len(tiles):
        run, shape = views[-1]
        grids.append(picture_grid(index, placed, "thumbnail" if tiles else "whole", shape, run))
    return grids


def _tag(encoded: Encoded, run: NDArray[np.int64]) -> tuple[int, int] | None:
    """Return the 1-based row and column in the tag before a view, or None without a tag."""
    before = int(encoded.ids[run[0] - 1])
    match = _TAG.fullmatch(encoded.processor.tokenizer.convert_ids_to_tokens(before))
    return None if match is None else (int(match[1]), int(match[2]))
