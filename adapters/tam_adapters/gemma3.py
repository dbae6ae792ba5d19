"""Gemma 3: the picture squashed to a square and, with pan and scan, crops of it after that."""

from typing import Any

import numpy as np

from tam.families.adapter import Adapter, Encoded, PlacedMedia
from tam.families.processor import Processor
from tam.geometry.layout import Box, VisionGrid, VisionLayout
from tam_adapters.framing import Axis, Framing, framing
from tam_adapters.runs import cut_runs
from tam_adapters.square import Square, patches_of, square_grid

_PAN_AND_SCAN = (
    "pan_and_scan_min_crop_size",
    "pan_and_scan_max_num_crops",
    "pan_and_scan_min_ratio_to_activate",
)


class Gemma3Adapter(Adapter):
    """Places the pooled patches of a SigLIP tower.

    With pan and scan (``do_pan_and_scan`` among the processor's ``images_kwargs``), elongated
    pictures are shown again as crops. The last crop may be smaller than the others and each is
    resized separately, so each crop has its own grid.
    """

    family = "Gemma 3"
    reads_clips = False
    tower_factors = ("mm_input_projection_weight",)
    notes = (
        "Gemma 3's vision tokens attend in both directions within a picture: the state of each "
        "depends on the whole picture, not only on the tokens before it.",
    )

    def vision_layout(self, encoded: Encoded) -> VisionLayout:
        """Place every vision token of an encoded prompt.

        Raises
        ------
        ModelError
            If the image processor does not fit the tower.
        """
        square = _square(encoded.config)
        views = [
            (index, placed, view, box)
            for index, placed in enumerate(encoded.media)
            for view, box in _views(encoded.processor, placed)
        ]
        token = int(encoded.config.image_token_id)
        runs = cut_runs(encoded.ids, token, [square.length] * len(views), "image")
        return VisionLayout(
            grids=tuple(
                _grid(encoded, square, *view, run) for view, run in zip(views, runs, strict=True)
            ),
            separators=np.zeros(0, np.int64),
        )


def _square(config: Any) -> Square:
    patches = config.vision_config.image_size // config.vision_config.patch_size
    side = round(config.mm_tokens_per_image**0.5)
    return patches_of(config.vision_config, patches_in_token=patches // side)


def _views(processor: Processor, placed: PlacedMedia) -> list[tuple[str, Box]]:
    """Return the views of a picture, in the order of the prompt, with the region of each."""
    height, width = placed.media.height, placed.media.width
    whole: Box = (0, 0, width, height)
    crops = _crops(processor, height, width)
    return [("thumbnail" if crops else "whole", whole), *(("tiles", crop) for crop in crops)]


def _crops(processor: Processor, height: int, width: int) -> list[Box]:
    """Return the crops that the image processor takes of a ``height × width`` picture."""
    options = dict(getattr(processor, "images_kwargs", {}))
    if not options.get("do_pan_and_scan"):
        return []
    image_processor = processor.image_processor
    crop = getattr(image_processor, "pan_and_scan_batched", None) or image_processor.pan_and_scan
    # Crop pictures whose pixel values are coordinates, so that each crop shows where it came from.
    # Broadcast views take no memory.
    y = np.broadcast_to(np.arange(height)[None, :, None], (1, height, width))
    x = np.broadcast_to(np.arange(width)[None, None, :], (1, height, width))
    settings = {name: options[name] for name in _PAN_AND_SCAN}
    return [
        (int(left.min()), int(top.min()), int(left.max()) + 1, int(top.max()) + 1)
        for left, top in zip(crop(x, **settings), crop(y, **settings), strict=True)
    ]


def _grid(
    encoded: Encoded,
    square: Square,
    index: int,
    placed: PlacedMedia,
    view: str,
    box: Box,
    positions: Any,
) -> VisionGrid:
    x0, y0, x1, y1 = box
    frame = framing(encoded.processor.image_processor, int(y1 - y0), int(x1 - x0))
    moved = Framing(
        y=Axis(frame.y.length, frame.y.start + y0, frame.y.step),
        x=Axis(frame.x.length, frame.x.start + x0, frame.x.step),
    )
    return square_grid(square, index, placed, moved, positions, view=view)
