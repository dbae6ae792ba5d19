"""Mistral 3, Mistral Large 4 and LightOn-OCR: a Pixtral tower with merged patches."""

from typing import Any

from tam.errors import ModelError
from tam.families.adapter import Adapter, Encoded
from tam.geometry.layout import VisionLayout
from tam_adapters.one_view import resized_layout


class Mistral3Adapter(Adapter):
    """Mistral 3: a line break token after each row of a picture."""

    family = "Mistral 3"
    reads_clips = False
    marked_rows = True

    def vision_layout(self, encoded: Encoded) -> VisionLayout:
        """Place every vision token of an encoded prompt.

        Raises
        ------
        ModelError
            If the processor's sizes do not match the pictures or the prompt, or
            if the only vision token is a single one, which transformers' Mistral 3 cannot read.
        """
        cell = _cell(encoded.config)
        layout = resized_layout(encoded, cell, marked_rows=self.marked_rows)
        if self.marked_rows and layout.positions.size == 1:
            raise ModelError(
                f"{self.family} cannot read a single picture that is no larger than one token",
                where=encoded.media[0].media.name,
                remedy=f"enlarge it to more than {cell} pixels on a side",
            )
        return layout


class MistralLarge4Adapter(Mistral3Adapter):
    """Mistral Large 4: the same tower and markers with another language model."""

    family = "Mistral Large 4"


class LightOnOcrAdapter(Mistral3Adapter):
    """LightOn-OCR: the same tokens in one run, without line breaks."""

    family = "LightOn-OCR"
    marked_rows = False


def _cell(config: Any) -> int:
    return int(config.vision_config.patch_size) * int(config.spatial_merge_size)
