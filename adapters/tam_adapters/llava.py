"""LLaVA-1.5: one fixed square for each picture, or with a Pixtral tower, pictures of any size."""

from dataclasses import replace
from typing import Any

from tam.errors import ModelError
from tam.families.adapter import Encoded
from tam.geometry.layout import VisionLayout
from tam_adapters.one_view import resized_layout
from tam_adapters.square import Square, SquareAdapter, patches_of

_ARCHITECTURE = "LlavaForConditionalGeneration"
_PIXTRAL = "pixtral"
_CLASS_TOKENS = {"clip_vision_model": 1, "siglip_vision_model": 0, _PIXTRAL: 0}


class LlavaAdapter(SquareAdapter):
    """Places the patches of a CLIP or SigLIP tower with a fixed square input, or of Pixtral's.

    Which part of the picture the square shows is read from the image processor. Only whole patches
    become tokens, so a strip at the right and bottom of the square may have none (SigLIP at 384
    pixels with patches of 14). Pixtral takes pictures of any size; a line break token follows each
    row of patches.
    """

    family = "LLaVA-1.5"

    def check(self, config: Any) -> None:
        """Refuse unknown towers, and settings that would drop a patch.

        Raises
        ------
        ModelError
            If the checkpoint is refused. The message says why, and what to use instead.
        """
        written_for = getattr(config, "architectures", None) or [_ARCHITECTURE]
        if _ARCHITECTURE not in written_for:
            raise ModelError(
                f"the checkpoint was saved for {', '.join(written_for)}, whose weights have other "
                "names",
                where="architectures",
                remedy="use its conversion to transformers, such as llava-hf/llava-1.5-7b-hf",
            )
        tower = config.vision_config
        if tower.model_type not in _CLASS_TOKENS:
            raise ModelError(
                f"LLaVA with the vision tower {tower.model_type!r} is not supported yet: its input "
                "is not known to be a square of fixed size",
                where="vision_config.model_type",
                remedy="use a checkpoint with a CLIP, SigLIP or Pixtral tower, such as "
                "llava-hf/llava-1.5-7b-hf",
            )
        if tower.model_type != _PIXTRAL:
            patches_of(tower)
        if config.vision_feature_select_strategy == "default" and not _class_tokens(config):
            raise ModelError(
                "'default' drops the tower's first token, which here is a patch of the picture, "
                "not a class token",
                where="vision_feature_select_strategy",
                remedy="use 'full' in the model's and the processor's configurations",
            )

    def vision_layout(self, encoded: Encoded) -> VisionLayout:
        """Place every vision token of an encoded prompt.

        Raises
        ------
        ModelError
            If the image processor does not match the tower.
        """
        tower = encoded.config.vision_config
        if tower.model_type != _PIXTRAL:
            return super().vision_layout(encoded)
        self.check(encoded.config)
        return resized_layout(encoded, int(tower.patch_size), marked_rows=True)

    def square(self, config: Any) -> Square:
        """Return the tower's square, with the class token if it is kept."""
        kept = _class_tokens(config) if config.vision_feature_select_strategy == "full" else 0
        return replace(patches_of(config.vision_config), class_tokens=kept)


def _class_tokens(config: Any) -> int:
    return _CLASS_TOKENS[config.vision_config.model_type]
