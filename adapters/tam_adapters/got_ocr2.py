"""GOT-OCR 2 and PP-Chart2Table: one square, reduced by convolutions after the tower."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tam.errors import ModelError
from tam.families.adapter import Encoded, PlacedMedia
from tam.families.processor import Processor
from tam_adapters.framing import Axis, Framing
from tam_adapters.square import Square, SquareAdapter, patches_of

_REDUCED = 4
"""Patches along a token's side, after two convolutions of stride 2."""


class GotOcr2Adapter(SquareAdapter):
    """Places the tokens at the centres of their convolutions.

    A convolution over three patches with stride 2 is centred at every second patch. So the first
    token is centred at the first patch, not at the first 4 × 4 patches: the grid is shifted by one
    and a half patches to the left and upwards. Each token also sees four patches around its centre.
    """

    family = "GOT-OCR 2"
    convolutional = True
    # A bicubic kernel (2), then convolutions that reach over four patches of 16 pixels (64).
    resize_radius = 66
    notes = ("Through convolutions, a vision token also sees the surroundings of its cell.",)
    chat_template = (
        "{% if messages[0]['role'] != 'system' %}<|im_start|>system\n"
        "You should follow the instructions carefully and explain your answers in detail.<|im_end|>"
        "{% endif %}{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
        "{% for part in message['content'] %}"
        "{% if part['type'] == 'image' %}<img><imgpad></img>\n"
        "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}<|im_end|>"
        "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )

    def call_processor(self, processor: Processor, options: Mapping[str, Any]) -> Any:
        """Encode a rendered prompt.

        Raises
        ------
        ModelError
            If no picture is given, because the processor requires one.
        """
        if not options.get("images"):
            raise ModelError(
                f"{self.family} requires a picture",
                where="conversation",
                remedy="give a picture",
            )
        return super().call_processor(processor, options)

    def square(self, config: Any) -> Square:
        """Return the tower's square, with 4 × 4 patches in a token."""
        return patches_of(config.vision_config, patches_in_token=_REDUCED)

    def cell_pixels(self, config: Any, processor: Processor) -> tuple[int, int] | None:
        """Return the height and width of a vision token in pixels of the model's input."""
        del processor
        side = _REDUCED * int(config.vision_config.patch_size)
        return side, side

    def framing(self, encoded: Encoded, placed: PlacedMedia) -> Framing:
        """Return the framing of the squashed picture, shifted to the convolutions' centres."""
        frame = super().framing(encoded, placed)
        patch = int(encoded.config.vision_config.patch_size)
        return Framing(y=_shifted(frame.y, patch), x=_shifted(frame.x, patch))


class PPChart2TableAdapter(GotOcr2Adapter):
    """PP-Chart2Table: the same model, trained to transcribe charts into tables."""

    family = "PP-Chart2Table"


def _shifted(axis: Axis, patch: int) -> Axis:
    return replace(axis, start=axis.start - (_REDUCED - 1) / 2 * patch * axis.step)
