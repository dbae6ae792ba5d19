"""VipLLaVA: LLaVA on the features of several layers of a CLIP tower."""

from typing import Any

from tam.errors import ModelError
from tam_adapters.square import SquareAdapter


class VipLlavaAdapter(SquareAdapter):
    """Places the patches of a CLIP tower, without its class token."""

    family = "VipLLaVA"

    def check(self, config: Any) -> None:
        """Refuse towers without a class token, because their first patch would be dropped.

        Raises
        ------
        ModelError
            If the tower is not CLIP's.
        """
        tower = config.vision_config.model_type
        if tower != "clip_vision_model":
            raise ModelError(
                f"VipLLaVA with the vision tower {tower!r} is not supported: its first token, "
                "which the model drops, is not known to be a class token",
                where="vision_config.model_type",
                remedy="use a checkpoint with a CLIP tower, such as llava-hf/vip-llava-7b-hf",
            )
