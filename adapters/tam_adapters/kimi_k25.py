"""Kimi K2.5: each picture once, padded at the right and bottom to whole tokens."""

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from tam.errors import ModelError
from tam.families.adapter import Adapter, Encoded, PlacedMedia
from tam.families.processor import Processor
from tam.geometry.layout import Box, VisionLayout
from tam_adapters.runs import cut_runs
from tam_adapters.tiles import misfit, picture_grid


class KimiK25Adapter(Adapter):
    """Places vision tokens by the processor's grids, which count patches, padding included."""

    family = "Kimi K2.5"

    def call_processor(self, processor: Processor, options: Mapping[str, Any]) -> Any:
        """Encode a rendered prompt.

        Raises
        ------
        ModelError
            If a clip is given. In transformers 5.23 the model averages over its frames but expects
            the tokens of each frame.
        """
        if options.get("videos"):
            raise ModelError(
                "transformers cannot read clips with Kimi K2.5",
                where="conversation",
                remedy="give the frames as pictures",
            )
        return processor(**options)

    def cell_pixels(self, config: Any, processor: Processor) -> tuple[int, int] | None:
        """Return the height and width of a vision token in pixels of the model's input."""
        del processor
        rows, columns = config.vision_config.merge_kernel_size
        patch = int(config.vision_config.patch_size)
        return patch * int(rows), patch * int(columns)

    def vision_layout(self, encoded: Encoded) -> VisionLayout:
        """Place every vision token of an encoded prompt.

        Raises
        ------
        ModelError
            If the processor's grids do not match the pictures or the prompt.
        """
        rows = encoded.arrays.get("image_grid_thw", np.zeros((0, 3), np.int64))
        if len(rows) != len(encoded.media):
            raise misfit(f"the processor encoded {len(rows)} of {len(encoded.media)} pictures")
        down, along = map(int, encoded.config.vision_config.merge_kernel_size)
        shapes = [(int(h) // down, int(w) // along) for _, h, w in rows]
        token = int(encoded.config.image_token_id)
        runs = cut_runs(encoded.ids, token, [h * w for h, w in shapes], "image")
        maker = encoded.processor.image_processor
        grids = tuple(
            picture_grid(index, placed, "whole", shape, run, _padded_box(maker, placed))
            for index, (placed, shape, run) in enumerate(
                zip(encoded.media, shapes, runs, strict=True)
            )
        )
        return VisionLayout(grids=grids, separators=np.zeros(0, np.int64))


def _padded_box(image_processor: Any, placed: PlacedMedia) -> Box:
    """Return the region that a picture's tokens cover, padding included.

    The scale of the resize comes from a function in the processor's module.
    """
    resize = sys.modules[type(image_processor).__module__].navit_resize
    media = placed.media
    (resized_height, resized_width), (height, width) = resize(
        height=media.height,
        width=media.width,
        patch_size=image_processor.patch_size,
        merge_kernel_size=image_processor.merge_size,
        max_patches=image_processor.max_patches,
        max_size_per_side=dict(image_processor.size)["max_height"],
    )
    return (0, 0, media.width * width / resized_width, media.height * height / resized_height)
