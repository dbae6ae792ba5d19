"""Llama 4: tiles of a padded canvas with marks between columns and rows, then the whole picture."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tam.families.adapter import Adapter, Encoded, PlacedMedia
from tam.families.processor import Processor
from tam.geometry.layout import Box, VisionGrid, VisionLayout
from tam_adapters.tiles import (
    equal_views,
    misfit,
    one_each,
    runs_after,
    tiled_grids,
    token_runs,
)

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel


class Llama4Adapter(Adapter):
    """Places tiles by the marks between them.

    The picture is resized, keeping its aspect ratio, and padded at the right and bottom to whole
    tiles. A thumbnail, squashed to one tile, comes last unless the canvas is a single tile.
    """

    family = "Llama 4"
    reads_clips = False

    def cell_pixels(self, config: Any, processor: Processor) -> tuple[int, int] | None:
        """Return the height and width of a vision token in pixels of the model's input."""
        del processor
        vision = config.vision_config
        side = round(vision.patch_size / vision.pixel_shuffle_ratio)
        return side, side

    def vision_layout(self, encoded: Encoded) -> VisionLayout:
        """Place every vision token of an encoded prompt.

        Raises
        ------
        ModelError
            If the prompt does not match its pictures.
        """
        processor = encoded.processor
        names = ("<|image_start|>", "<|tile_y_separator|>")
        start, row = processor.tokenizer.convert_tokens_to_ids(list(names))
        runs = token_runs(encoded.ids, int(encoded.config.image_token_id))
        groups = runs_after(encoded.ids, start, runs)
        one_each(groups, encoded.media)
        grids: list[VisionGrid] = []
        for index, (placed, group) in enumerate(zip(encoded.media, groups, strict=True)):
            views = equal_views(group, placed.media.name)
            inside = encoded.ids[group[0][0] : group[-1][-1]]
            rows = max(int((inside == row).sum()), 1)
            columns, rest = divmod(max(len(views) - 1, 1), rows)
            if rest:
                raise misfit(f"{len(views) - 1} tiles do not fill {rows} rows", placed.media.name)
            arrangement = (rows, columns)
            box = _canvas_box(processor.image_processor, placed, arrangement)
            grids += tiled_grids(index, placed, views, arrangement, canvas_box=box)
        return VisionLayout(grids=tuple(grids), separators=np.zeros(0, np.int64))

    def call_processor(self, processor: Processor, options: Mapping[str, Any]) -> Any:
        """Encode a rendered prompt, with pixels in float32 as other processors return them.

        Llama 4's processor casts them to bfloat16 regardless of the model's dtype. The values
        stay rounded.
        """
        outputs = processor(**options)
        if "pixel_values" in outputs:
            outputs["pixel_values"] = outputs["pixel_values"].float()
        return outputs

    def decoder(self, model: "PreTrainedModel") -> "nn.Module":
        """Return the text model inside the language model, because the latter returns logits."""
        language_model = super().decoder(model)
        decoder: nn.Module = getattr(language_model, "model", language_model)
        return decoder


def _canvas_box(image_processor: Any, placed: PlacedMedia, arrangement: tuple[int, int]) -> Box:
    """Return the region of a canvas in pixels of the picture; padding extends beyond it."""
    size = image_processor.size["height"], image_processor.size["width"]
    original = placed.media.height, placed.media.width
    canvas = arrangement[0] * size[0], arrangement[1] * size[1]
    target = canvas
    if not image_processor.resize_to_max_canvas:
        # A small picture is not enlarged beyond one tile's side.
        target = (
            min(max(original[0], size[0]), canvas[0]),
            min(max(original[1], size[0]), canvas[1]),
        )
    module = sys.modules[type(image_processor).__module__]
    height, width = module.get_max_res_without_distortion(original, target)
    return (
        0,
        0,
        canvas[1] * original[1] / max(int(width), 1),
        canvas[0] * original[0] / max(int(height), 1),
    )
