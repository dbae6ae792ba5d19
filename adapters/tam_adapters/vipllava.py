"""VipLLaVA: LLaVA on a CLIP tower of which several layers are read."""

from typing import Any

from tam.errors import ModelError
from tam_adapters.square import SquareAdapter


class VipLlavaAdapter(SquareAdapter):
    """Places the patches of a CLIP tower; its class token is always left out."""

    family = "VipLLaVA"

    def check(self, config: Any) -> None:
        """Refuse towers without a class token, because their first patch would be left out.

        Raises
        ------
        ModelError
            If the tower is not CLIP's.
        """
        tower = config.vision_config.model_type
        if tower != "clip_vision_model":
            raise ModelError(
                f"VipLLaVA on the vision tower {tower!r} is not supported: the first of its "
                "tokens, which is left out, is not known to be a class token",
                where="vision_config.model_type",
                remedy="use a checkpoint on a CLIP tower, such as llava-hf/vip-llava-7b-hf",
            )
