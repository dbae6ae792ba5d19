"""InternVL 3: tiles and a thumbnail in one run of tokens, clips frame by frame."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from tam.families.adapter import Adapter, Encoded
from tam.families.boxes import NUMBER, BoxStyle
from tam.families.processor import Processor
from tam.geometry.layout import VisionGrid, VisionLayout
from tam_adapters.tiled_canvas import tile_arrangement
from tam_adapters.tiles import (
    clip_grid,
    equally_many_frames,
    misfit,
    square_side,
    tiled_grids,
    token_runs,
)


class InternVLAdapter(Adapter):
    """Places the tiles of a picture that was squashed to a canvas of tiles.

    Nothing in the prompt separates the tiles or gives their arrangement: 2 × 3 and 3 × 2 look the
    same. The image processor's own function computes it from the picture's size. The thumbnail
    comes last. Each frame of a clip is squashed to one tile.
    """

    family = "InternVL 3"
    boxes: BoxStyle | None = BoxStyle(
        "Please provide the bounding box coordinate of the region this sentence describes: "
        "<ref>the {noun}</ref>",
        re.compile(rf"\[\[{NUMBER},{NUMBER},{NUMBER},{NUMBER}\]"),
    )

    def call_processor(self, processor: Processor, options: Mapping[str, Any]) -> Any:
        """Encode a rendered prompt.

        Raises
        ------
        ModelError
            If the clips differ in their number of frames.
        """
        equally_many_frames(self.family, options)
        return processor(**options)

    def cell_pixels(self, config: Any, processor: Processor) -> tuple[int, int] | None:
        """Return the height and width of a vision token in pixels of the model's input."""
        del processor
        side = round(config.vision_config.patch_size[0] / config.downsample_ratio)
        return side, side

    def vision_layout(self, encoded: Encoded) -> VisionLayout:
        """Place every vision token of an encoded prompt.

        Raises
        ------
        ModelError
            If the prompt does not match its pictures and clips.
        """
        per_view = int(encoded.processor.image_seq_length)
        runs = token_runs(encoded.ids, int(encoded.config.image_token_id))
        grids: list[VisionGrid] = []
        for index, placed in enumerate(encoded.media):
            media = placed.media
            count = 1 if media.kind == "image" else len(media.frames)
            own_runs, runs = runs[:count], runs[count:]
            if not own_runs or any(run.size % per_view for run in own_runs):
                raise misfit("its tokens do not form whole views", media.name)
            views = np.concatenate(own_runs).reshape(-1, per_view)
            if media.kind == "video":
                side = square_side(per_view, media.name)
                grids.append(clip_grid(index, placed, (side, side), views.ravel()))
            else:
                image_processor = encoded.processor.image_processor
                arrangement = tile_arrangement(image_processor, media.height, media.width)
                grids += tiled_grids(index, placed, views, arrangement)
        if runs:
            raise misfit(f"the prompt shows {len(runs)} pictures or frames too many")
        return VisionLayout(grids=tuple(grids), separators=np.zeros(0, np.int64))


class QianfanOcrAdapter(InternVLAdapter):
    """Qianfan-OCR: InternVL's tiles, without clips."""

    family = "Qianfan-OCR"
    boxes = None
    reads_clips = False
