"""LLaVA-1.5: one fixed square for each picture; on a Pixtral tower, a picture of its own size."""

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
    """Places the patches of a CLIP or SigLIP tower of a fixed square input, or of Pixtral's.

    Which part of the picture the square shows is read from the image processor. Patches that do
    not fit wholly into the square are not made, so a strip at its right and lower edge may have no
    tokens (SigLIP at 384 pixels with patches of 14). Pixtral takes pictures of any size, and a
    line break token follows each row of them.
    """

    family = "LLaVA-1.5"

    def check(self, config: Any) -> None:
        """Refuse towers that are not known, and settings under which a patch is lost.

        Raises
        ------
        ModelError
            If the checkpoint is refused. The message says why, and what to use instead.
        """
        written_for = getattr(config, "architectures", None) or [_ARCHITECTURE]
        if _ARCHITECTURE not in written_for:
            raise ModelError(
                f"the checkpoint was written for {', '.join(written_for)}, which names its weights "
                "in another way",
                where="architectures",
                remedy="use its conversion for transformers, such as llava-hf/llava-1.5-7b-hf",
            )
        tower = config.vision_config
        if tower.model_type not in _CLASS_TOKENS:
            raise ModelError(
                f"LLaVA on the vision tower {tower.model_type!r} is not supported yet: its input "
                "is not known to be a square of fixed size",
                where="vision_config.model_type",
                remedy="use a checkpoint on a CLIP, SigLIP or Pixtral tower, such as "
                "llava-hf/llava-1.5-7b-hf",
            )
        if tower.model_type != _PIXTRAL:
            patches_of(tower)
        if config.vision_feature_select_strategy == "default" and not _class_tokens(config):
            raise ModelError(
                "'default' leaves out the tower's first token, which here is a patch of the "
                "picture and no class token",
                where="vision_feature_select_strategy",
                remedy="use 'full', in the model's and in the processor's configuration",
            )

    def vision_layout(self, encoded: Encoded) -> VisionLayout:
        """Place every vision token of an encoded prompt.

        Raises
        ------
        ModelError
            If a clip is given, or the image processor does not fit the tower.
        """
        tower = encoded.config.vision_config
        if tower.model_type != _PIXTRAL:
            return super().vision_layout(encoded)
        self.check(encoded.config)
        return resized_layout(self.family, encoded, int(tower.patch_size), marked_rows=True)

    def square(self, config: Any) -> Square:
        """The tower's patches, after its class token where that is kept."""
        kept = _class_tokens(config) if config.vision_feature_select_strategy == "full" else 0
        return replace(patches_of(config.vision_config), class_tokens=kept)


def _class_tokens(config: Any) -> int:
    return _CLASS_TOKENS[config.vision_config.model_type]
