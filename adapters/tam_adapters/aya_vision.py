"""Aya Vision and Cohere2 Vision: marked tiles and, last, the whole picture."""

from typing import Any

import numpy as np

from tam.families.adapter import Adapter, Encoded
from tam.families.processor import Processor
from tam.geometry.layout import VisionGrid, VisionLayout
from tam_adapters.tiled_canvas import tile_arrangement
from tam_adapters.tiles import (
    equal_views,
    one_each,
    runs_after,
    tiled_grids,
    token_runs,
)


class AyaVisionAdapter(Adapter):
    """Places the tiles of a picture that was squashed to a canvas of tiles.

    The marks between tiles number them but do not give their arrangement. The image processor's
    own function computes it from the picture's size.
    """

    family = "Aya Vision"
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
        processor = encoded.processor
        start = int(processor.tokenizer.convert_tokens_to_ids(self._start_token(processor)))
        runs = token_runs(encoded.ids, int(encoded.config.image_token_id))
        groups = runs_after(encoded.ids, start, runs)
        one_each(groups, encoded.media)
        grids: list[VisionGrid] = []
        for index, (placed, group) in enumerate(zip(encoded.media, groups, strict=True)):
            views = equal_views(group, placed.media.name)
            size = placed.media.height, placed.media.width
            arrangement = tile_arrangement(processor.image_processor, *size)
            grids += tiled_grids(index, placed, views, arrangement)
        return VisionLayout(grids=tuple(grids), separators=np.zeros(0, np.int64))

    def _start_token(self, processor: Processor) -> str:
        """Return the token that begins a picture."""
        token: str = processor.start_of_img_token
        return token


class Cohere2VisionAdapter(AyaVisionAdapter):
    """Cohere2 Vision: like Aya Vision with another choice of canvas and a line break per tile."""

    family = "Cohere2 Vision"

    def _start_token(self, processor: Processor) -> str:
        token: str = processor.boi_token
        return token
