"""Granite-Docling: tagged tiles, row by row, and a thumbnail if there are several tiles."""

from typing import Any

import numpy as np

from tam.families.adapter import Adapter, Encoded
from tam.families.processor import Processor
from tam.geometry.layout import VisionGrid, VisionLayout
from tam_adapters.idefics3 import tag_before
from tam_adapters.tiles import equal_views, misfit, tiled_grids, token_runs


class GraniteDoclingAdapter(Adapter):
    """Places tiles by the tags before them; the first of a picture is ``<row_1_col_1>``.

    The picture is squashed to a canvas of tiles. Features of the tower's middle layers are added
    to the same tokens in later decoder layers. The fine route makes four tokens out of one.
    """

    family = "Granite-Docling"
    reads_clips = False

    def cell_pixels(self, config: Any, processor: Processor) -> tuple[int, int] | None:
        """Return the height and width of a vision token in pixels of the model's input."""
        tower = config.vision_config
        patches = int(tower.scale_factor) // (2 if processor.image_processor.fine_route else 1)
        side = int(tower.patch_size) * patches
        return side, side

    def vision_layout(self, encoded: Encoded) -> VisionLayout:
        """Place every vision token of an encoded prompt.

        Raises
        ------
        ModelError
            If the prompt does not match its pictures.
        """
        runs = token_runs(encoded.ids, int(encoded.config.image_token_id))
        tags = [tag_before(encoded, run) for run in runs]
        starts = [number for number, tag in enumerate(tags) if tag == (1, 1)]
        if len(starts) != len(encoded.media) or starts[:1] not in ([], [0]):
            raise misfit(f"the prompt shows {len(starts)} pictures of {len(encoded.media)}")
        grids: list[VisionGrid] = []
        for index, (placed, first, last) in enumerate(
            zip(encoded.media, starts, [*starts[1:], len(runs)], strict=True)
        ):
            own = [tag for tag in tags[first:last] if tag is not None]
            rows, columns = max(own)
            if own != [(r + 1, c + 1) for r in range(rows) for c in range(columns)]:
                raise misfit("its tiles are not in row-major order", placed.media.name)
            views = equal_views(runs[first:last], placed.media.name)
            grids += tiled_grids(index, placed, views, (rows, columns))
        return VisionLayout(grids=tuple(grids), separators=np.zeros(0, np.int64))
