"""Mllama (Llama 3.2 Vision): pictures read through cross-attention, not in the sequence."""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tam.families.adapter import Adapter, Encoded, PlacedMedia
from tam.geometry.layout import Box, VisionGrid, VisionLayout
from tam_adapters.tiles import even_seams, misfit, picture_grid, stitched

if TYPE_CHECKING:
    import torch
    from torch import nn
    from transformers import PreTrainedModel


class MllamaAdapter(Adapter):
    """Places the keys of the cross-attention layers, one for each patch.

    A picture is resized to fit a canvas of tiles, keeping its aspect ratio, and padded on the right
    and below. Each tile has a class token before its patches. Unused tiles have keys, too, which
    are masked.
    """

    family = "Llama 3.2 Vision (Mllama)"
    reads_clips = False
    batches = False
    cross_attention = True
    notes = (
        "The language model reads the picture through cross-attention; the vision tower lets each "
        "patch see all of it.",
    )

    def cross_attentions(self, model: "PreTrainedModel") -> Sequence["nn.Module"]:
        """Return the cross-attention modules of the language model, in order."""
        layers: Any = self.decoder(model)
        return [layer.cross_attn for layer in layers.layers if hasattr(layer, "cross_attn")]

    def reply_inputs(
        self, inputs: Mapping[str, "torch.Tensor"], count: int
    ) -> dict[str, "torch.Tensor"]:
        """Return the mask with which a reply sees the same tiles as the prompt's last token.

        It has a row for each position, those of the prompt included: before 5.23, transformers
        takes no mask of the new positions alone.
        """
        import torch

        mask = inputs["cross_attention_mask"]
        added = mask[:, -1:].expand(-1, count, -1, -1)
        return {"cross_attention_mask": torch.cat([mask, added], dim=1)}

    def decoder(self, model: "PreTrainedModel") -> "nn.Module":
        """Return the language model, whose output is the last hidden state, normalised."""
        whole: Any = model
        decoder: nn.Module = whole.model.language_model
        return decoder

    def vision_layout(self, encoded: Encoded) -> VisionLayout:
        """Place the keys of every tile of an encoded prompt.

        Raises
        ------
        ModelError
            If the prompt does not match its pictures.
        """
        vision = encoded.config.vision_config
        side = int(vision.image_size) // int(vision.patch_size)
        pictures = int((encoded.ids == int(encoded.config.image_token_index)).sum())
        if pictures != len(encoded.media):
            raise misfit(f"the prompt shows {pictures} pictures of {len(encoded.media)}")
        per_tile = side * side + 1
        per_picture = int(vision.max_num_tiles) * per_tile
        grids: list[VisionGrid] = []
        classes = []
        for index, placed in enumerate(encoded.media):
            (rows, columns), box = _canvas(encoded.processor.image_processor, placed)
            keys = np.arange(rows * columns * per_tile, dtype=np.int64) + index * per_picture
            tiles = keys.reshape(rows * columns, per_tile)
            classes.append(tiles[:, 0])
            shape = (rows * side, columns * side)
            positions = stitched(tiles[:, 1:].ravel(), (rows, columns), (side, side))
            view = "tiles" if len(tiles) > 1 else "whole"
            seams = even_seams(box, (rows, columns))
            grids.append(picture_grid(index, placed, view, shape, positions, box, seams))
        return VisionLayout(tuple(grids), np.concatenate(classes), cross_attention=True)


def _canvas(image_processor: Any, placed: PlacedMedia) -> tuple[tuple[int, int], Box]:
    """Return the rows and columns of tiles, and the canvas in pixels of the picture."""
    height, width = placed.media.height, placed.media.width
    module = sys.modules[type(image_processor).__module__]
    try:
        choose, fit = module.get_optimal_tiled_canvas, module.get_image_size_fit_to_canvas
    except AttributeError:
        raise misfit(
            "has no known functions that arrange the tiles of a picture",
            type(image_processor).__name__,
            "use the image processor that the checkpoint was published with",
        ) from None
    tile = int(image_processor.size["height"])
    high, wide = choose(height, width, image_processor.max_image_tiles, tile)
    new_height, new_width = fit(height, width, high, wide, tile)
    box = (0, 0, float(wide * width / new_width), float(high * height / new_height))
    return (int(high) // tile, int(wide) // tile), box
