"""Families that show a picture as rows of cells from its upper left corner, one token each.

The last row and column may reach beyond the picture's other edges.
"""

from abc import abstractmethod
from collections.abc import Mapping
from math import ceil, floor
from typing import TYPE_CHECKING, Any

import numpy as np

from tam.errors import ModelError
from tam.families.adapter import Adapter, Encoded
from tam.geometry.layout import VisionGrid, VisionLayout
from tam_adapters.runs import cut_runs

if TYPE_CHECKING:
    import torch
    from torch import nn

Canvas = tuple[int, int, float, float]
"""Rows and columns of cells; width and height of all of them in pixels of the picture."""


class PaddedPatchesAdapter(Adapter):
    """Places the cells of each picture row by row, one token each, in one run."""

    reads_clips = False

    @abstractmethod
    def canvas(self, encoded: Encoded, index: int) -> Canvas:
        """Return the cells of a picture."""

    def vision_layout(self, encoded: Encoded) -> VisionLayout:
        """Place every vision token of an encoded prompt.

        Raises
        ------
        ModelError
            If the processor's cells do not fit the pictures or the prompt.
        """
        canvases = [self.canvas(encoded, index) for index in range(len(encoded.media))]
        lengths = [rows * columns for rows, columns, *_ in canvases]
        runs = cut_runs(encoded.ids, int(encoded.config.image_token_id), lengths, "image")
        grids = []
        for index, (canvas, run) in enumerate(zip(canvases, runs, strict=True)):
            rows, columns, width, height = canvas
            grids.append(
                VisionGrid(
                    media=index,
                    turn=encoded.media[index].turn,
                    view="whole",
                    shape=(1, rows, columns),
                    box=(0, 0, width, height),
                    positions=run,
                    spans=np.array([[0, 1]], dtype=np.int64),
                )
            )
        return VisionLayout(grids=tuple(grids), separators=np.zeros(0, np.int64))


class Inkling2Adapter(PaddedPatchesAdapter):
    """Inkling 2: cells of so many pixels of the picture itself, which is not resized."""

    family = "Inkling 2"
    tower_added = ("query",)

    def canvas(self, encoded: Encoded, index: int) -> Canvas:
        """Return the cells of a picture, as the processor counts them."""
        rows, columns = _counted(encoded, index)
        size = encoded.processor.image_processor.size
        return rows, columns, columns * size["width"], rows * size["height"]

    def cell_pixels(self, config: Any, processor: Any) -> tuple[int, int]:
        """Return height and width of a vision token in pixels of the model's input."""
        size = processor.image_processor.size
        return size["height"], size["width"]

    def finished_logits(self, config: Any, scores: "torch.Tensor") -> "torch.Tensor":
        """Return the head's scores without those of the rows that only fill it up, capped."""
        capped = super().finished_logits(config, scores)
        return capped[..., : config.text_config.unpadded_vocab_size]


class InklingAdapter(PaddedPatchesAdapter):
    """Inkling: cells of so many pixels of a picture that may be scaled, and a column of reserve.

    Where the width is a whole number of cells, the last column shows nothing at all.
    """

    family = "Inkling"
    mixers = ()  # its tower sees each cell alone

    def canvas(self, encoded: Encoded, index: int) -> Canvas:
        """Return the cells of a picture by the processor's own rule; it does not give them out."""
        picture, settings = encoded.media[index].media, encoded.processor.image_processor
        side = int(settings.size["height"])
        width, height = picture.width, picture.height
        if settings.rescale_image_frac is not None:
            longest = max(width, height)
            most = settings.rescale_image_max_upscaled_long_edge
            wanted = longest * settings.rescale_image_frac
            if most is not None:
                wanted = min(wanted, max(most, longest))
            ratio = wanted / longest
            width, height = floor(width * ratio + 0.5), floor(height * ratio + 0.5)
        rows, columns = ceil(height / side), width // side + 1
        return (
            rows,
            columns,
            columns * side * picture.width / width,
            rows * side * picture.height / height,
        )

    def finished_logits(self, config: Any, scores: "torch.Tensor") -> "torch.Tensor":
        """Return the scores divided by the width multiplier, without the rows of padding."""
        text = config.text_config
        scaled: torch.Tensor = scores / text.logits_mup_width_multiplier
        return scaled[..., : text.unpadded_vocab_size]


class Glm5NextAdapter(PaddedPatchesAdapter):
    """GLM-5 V: a picture keeps its aspect, and black fills the grid to its right and below."""

    family = "GLM-5 V"

    def canvas(self, encoded: Encoded, index: int) -> Canvas:
        """Return the cells of a picture, and by the processor's own rule how much of them it fills.

        A cell is ``merge_size`` squared patches.
        """
        picture, settings = encoded.media[index].media, encoded.processor.image_processor
        merge = int(settings.merge_size)
        rows, columns = _counted(encoded, index)
        high, wide = rows * settings.patch_size, columns * settings.patch_size
        scale = min(high / picture.height, wide / picture.width)
        least = (
            settings.min_image_tokens
            * (settings.patch_size * merge * settings.patch_expand_factor) ** 2
        )
        if picture.height * picture.width >= least:
            scale = min(1.0, scale)
        filled_high = max(1, min(high, floor(picture.height * scale)))
        filled_wide = max(1, min(wide, floor(picture.width * scale)))
        return (
            rows // merge,
            columns // merge,
            picture.width * wide / filled_wide,
            picture.height * high / filled_high,
        )


class NemotronOmniAdapter(PaddedPatchesAdapter):
    """Nemotron Omni: pictures squashed to whole cells before layers that are mostly Mamba.

    A clip's tokens may be pruned within the model, by their content.
    """

    family = "Nemotron Omni"

    def call_processor(self, processor: Any, options: Mapping[str, Any]) -> Any:
        """Encode a prompt, and add where placeholders were expanded, which the processor omits."""
        outputs = super().call_processor(processor, options)
        shown = range(len(outputs.get("image_grid_hw", ())))
        expanded = [processor.replace_image_token(outputs, index) for index in shown]
        _, outputs["text_replacement_offsets"] = processor.get_text_with_replacements(
            list(options["text"]), images_replacements=expanded
        )
        return outputs

    def canvas(self, encoded: Encoded, index: int) -> Canvas:
        """Return the cells of a picture, which they divide without a rest."""
        rows, columns = _counted(encoded, index, "image_grid_hw")
        merge = round(1 / encoded.config.downsample_ratio)
        picture = encoded.media[index].media
        return rows // merge, columns // merge, picture.width, picture.height

    def decoder(self, model: Any) -> "nn.Module":
        """Return the decoder of the language model, which is whole within the model."""
        decoder: nn.Module = model.language_model.get_decoder()
        return decoder

    def lm_head(self, model: Any) -> "nn.Module":
        """Return the language model's own head."""
        head: nn.Module = model.language_model.get_output_embeddings()
        return head

    def cell_pixels(self, config: Any, processor: Any) -> tuple[int, int]:
        """Return height and width of a vision token in pixels of the model's input."""
        del processor
        side = config.vision_config.patch_size * round(1 / config.downsample_ratio)
        return side, side


def _counted(encoded: Encoded, index: int, name: str = "image_grid_thw") -> tuple[int, int]:
    """Rows and columns in the processor's count, the last two numbers of its row.

    Raises
    ------
    ModelError
        If it counts another number of pictures.
    """
    found = encoded.arrays.get(name, np.zeros((0, 2), np.int64))
    if len(found) != len(encoded.media):
        raise ModelError(
            f"the processor encoded {len(found)} of {len(encoded.media)}",
            where="image inputs",
            remedy="give as many to the processor as the prompt shows",
        )
    return int(found[index][-2]), int(found[index][-1])
