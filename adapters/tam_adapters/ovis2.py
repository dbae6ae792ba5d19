"""Ovis2: the thumbnail first, then tiles with markers between columns and rows."""

from typing import Any

import numpy as np

from tam.errors import ModelError
from tam.families.adapter import Adapter, Encoded
from tam.families.processor import Processor
from tam.geometry.layout import VisionGrid, VisionLayout
from tam_adapters.tiles import (
    equal_views,
    misfit,
    one_each,
    runs_after,
    tiled_grids,
    token_runs,
)


class Ovis2Adapter(Adapter):
    """Places tiles by the markers between them. The picture is squashed to whole tiles.

    The markers (start, grid, column, row, end) are embedded by the visual vocabulary, so they are
    vision tokens; they count as separators.
    """

    family = "Ovis2"
    reads_clips = False

    def check(self, config: Any) -> None:
        """Refuse towers whose patches do not make whole tokens.

        Raises
        ------
        ModelError
            If the checkpoint is refused. The message says why, and what to use instead.
        """
        vision = config.vision_config
        patches = int(vision.image_size) // int(vision.patch_size)
        if int(vision.image_size) % int(vision.patch_size) or patches % int(vision.hidden_stride):
            raise ModelError(
                f"tiles of {vision.image_size} pixels do not divide into tokens of "
                f"{vision.hidden_stride} × {vision.hidden_stride} patches of "
                f"{vision.patch_size} pixels",
                where="vision_config",
                remedy="use a published checkpoint, such as thisisiron/Ovis2-2B-hf",
            )

    def cell_pixels(self, config: Any, processor: Processor) -> tuple[int, int] | None:
        """Return the height and width of a vision token in pixels of the model's input."""
        del processor
        side = int(config.vision_config.patch_size) * int(config.vision_config.hidden_stride)
        return side, side

    def vision_layout(self, encoded: Encoded) -> VisionLayout:
        """Place every vision token of an encoded prompt.

        Raises
        ------
        ModelError
            If the prompt does not match its pictures.
        """
        start, _, _, row, _ = (int(i) for i in encoded.config.visual_indicator_token_ids)
        runs = token_runs(encoded.ids, int(encoded.config.image_token_id))
        groups = runs_after(encoded.ids, start, runs)
        one_each(groups, encoded.media)
        grids: list[VisionGrid] = []
        for index, (placed, group) in enumerate(zip(encoded.media, groups, strict=True)):
            views = equal_views(group, placed.media.name)
            inside = encoded.ids[group[0][0] : group[-1][-1]]
            rows = 1 + int((inside == row).sum())
            columns, rest = divmod(len(views) - 1, rows)
            if rest:
                raise misfit(f"{len(views) - 1} tiles do not fill {rows} rows", placed.media.name)
            grids += tiled_grids(index, placed, views, (rows, columns), thumbnail_first=True)
        marks = np.isin(encoded.ids, encoded.config.visual_indicator_token_ids)
        return VisionLayout(grids=tuple(grids), separators=np.flatnonzero(marks).astype(np.int64))
