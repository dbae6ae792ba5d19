"""Phi-4 multimodal: a padded canvas with a marker after each row, then the canvas as a whole."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tam.errors import ModelError
from tam.families.adapter import Adapter, Encoded, PlacedMedia
from tam.families.processor import Processor
from tam.geometry.layout import VisionGrid, VisionLayout
from tam_adapters.runs import cut_runs
from tam_adapters.tiles import misfit, picture_grid

if TYPE_CHECKING:
    import torch
    from torch import nn
    from transformers import PreTrainedModel

# Patches along a side that make one token.
_MERGED = 2


class Phi4MultimodalAdapter(Adapter):
    """Places the tokens of a canvas without its padding, and then those of its thumbnail.

    The picture is resized to fit a canvas of tiles, keeping its aspect ratio, and padded at the
    right and bottom. Rows and columns that hold only padding are removed. Rows of both views end in
    a marker.
    """

    family = "Phi-4 multimodal"
    reads_clips = False
    chat_template = (
        "{% for message in messages %}<|{{ message['role'] }}|>"
        "{% if message['content'] is string %}{{ message['content'] }}"
        "{% else %}{% for part in message['content'] %}"
        "{% if part['type'] == 'image' %}<|image|>"
        "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}"
        "<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
    )

    def check(self, config: Any) -> None:
        """Refuse towers whose patches do not make whole tokens.

        Raises
        ------
        ModelError
            If the checkpoint is refused. The message says why, and what to use instead.
        """
        vision = config.vision_config
        patch, side = int(vision.patch_size), int(vision.image_size)
        if side != vision.crop_size or side % (_MERGED * patch):
            raise ModelError(
                f"tiles of {vision.crop_size} pixels do not divide into tokens of "
                f"{_MERGED} × {_MERGED} patches of {patch} pixels",
                where="vision_config",
                remedy="use a published checkpoint, such as microsoft/Phi-4-multimodal-instruct",
            )

    def call_processor(self, processor: Processor, options: Mapping[str, Any]) -> Any:
        """Encode a rendered prompt.

        Raises
        ------
        ModelError
            If a picture is so elongated that the processor refuses it.
        """
        try:
            return processor(**options)
        except ValueError as error:
            if "aspect ratio" not in str(error):
                raise
            raise ModelError(
                f"{self.family} does not accept a picture this long and thin",
                where="conversation",
                remedy="crop it, or cut it into several pictures",
            ) from error

    def cell_pixels(self, config: Any, processor: Processor) -> tuple[int, int] | None:
        """Return the height and width of a vision token in pixels of the model's input."""
        del processor
        side = _MERGED * int(config.vision_config.patch_size)
        return side, side

    def vision_layout(self, encoded: Encoded) -> VisionLayout:
        """Place every vision token of an encoded prompt.

        Raises
        ------
        ModelError
            If the prompt does not match its pictures.
        """
        vision = encoded.config.vision_config
        canvases = encoded.arrays.get("image_sizes", np.zeros((0, 2), np.int64)).tolist()
        if len(canvases) != len(encoded.media):
            raise misfit(f"the processor encoded {len(canvases)} of {len(encoded.media)} pictures")
        cell = _MERGED * int(vision.patch_size)
        side = int(vision.image_size) // cell
        parts = [
            _resized(placed, (height, width))
            for placed, (height, width) in zip(encoded.media, canvases, strict=True)
        ]
        kept = [
            (_tokens(height, resized[0], cell), _tokens(width, resized[1], cell))
            for (height, width), resized in zip(canvases, parts, strict=True)
        ]
        whole = side * (side + 1)
        lengths = [rows * (columns + 1) + 1 + whole for rows, columns in kept]
        runs = cut_runs(encoded.ids, int(vision.image_token_id), lengths, "image")
        grids: list[VisionGrid] = []
        marks = [np.zeros(0, np.int64)]
        for index, run in enumerate(runs):
            placed, canvas, shape = encoded.media[index], canvases[index], kept[index]
            y = placed.media.height / parts[index][0]
            x = placed.media.width / parts[index][1]
            fine, ends = _rows(run[: -whole - 1], shape)
            box = (0, 0, shape[1] * cell * x, shape[0] * cell * y)
            tile = side * cell
            seams = (
                tuple(edge * x for edge in range(tile, shape[1] * cell, tile)),
                tuple(edge * y for edge in range(tile, shape[0] * cell, tile)),
            )
            grids.append(picture_grid(index, placed, "tiles", shape, fine, box, seams))
            coarse, others = _rows(run[-whole:], (side, side))
            box = (0, 0, canvas[1] * x, canvas[0] * y)
            grids.append(picture_grid(index, placed, "thumbnail", (side, side), coarse, box))
            marks += [ends, run[-whole - 1 : -whole], others]
        return VisionLayout(grids=tuple(grids), separators=np.concatenate(marks))

    def embedding_consumer(self, model: "PreTrainedModel") -> "nn.Module":
        """Return the decoder's first layer, because the decoder also contains the vision tower."""
        decoder: Any = self.decoder(model)
        layer: nn.Module = decoder.layers[0]
        return layer

    def input_embeddings(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> "torch.Tensor":
        """Return the hidden states that are the input of the first layer."""
        states: torch.Tensor = args[0] if args else kwargs["hidden_states"]
        return states


def _resized(placed: PlacedMedia, canvas: tuple[int, int]) -> tuple[int, int]:
    """Return the height and width of the picture on its canvas."""
    height, width = placed.media.height, placed.media.width
    by_height, by_width = canvas[0] / height, canvas[1] / width
    if by_width < by_height:
        return int(height * by_width), canvas[1]
    return canvas[0], int(width * by_height)


def _tokens(canvas: int, resized: int, cell: int) -> int:
    """Return the number of tokens along a side that are not only padding."""
    patch = cell // _MERGED
    patches = canvas // patch - (canvas - resized) // patch
    return -(-patches // _MERGED)


def _rows(
    run: NDArray[np.int64], shape: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split the positions of a view into its tokens and the marker after each row."""
    rows = run.reshape(shape[0], shape[1] + 1)
    return rows[:, :-1].ravel(), rows[:, -1]
