"""Granite 4 Vision: views as LLaVA-NeXT, their patches merged in windows, added layer by layer."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from tam_adapters.anyres import Tower, tower_of
from tam_adapters.llava_next import LlavaNextAdapter

if TYPE_CHECKING:
    import torch
    from transformers import Cache, PreTrainedModel


class Granite4VisionAdapter(LlavaNextAdapter):
    """Places a picture's base view and then its canvas, whose rows end in new-line tokens.

    ``downsample_rate`` says how many tokens a window of patches makes along a side.
    """

    family = "Granite 4 Vision"
    notes = (
        "A vision token is made of a window of patches by a small transformer, so it also sees "
        "what lies beside its cell in that window.",
    )

    def tower(self, config: Any) -> Tower:
        """Give the square that the tower takes, and the tokens that its windows become."""
        return tower_of(config, tokens=Fraction(config.downsample_rate or 1))

    def new_cache(self, model: "PreTrainedModel") -> "Cache | None":
        """Give an empty cache: its text model does not make one when it is asked to use one."""
        from transformers import DynamicCache

        return DynamicCache(config=model.config.get_text_config(decoder=True))

    def input_embeddings(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> "torch.Tensor":
        """Give the embeddings with all that layers of the decoder add to them for pictures."""
        embeddings = super().input_embeddings(args, kwargs)
        features = kwargs.get("deepstack_features")
        if not features:
            return embeddings
        added: torch.Tensor = sum(features.values())
        return embeddings.masked_scatter(kwargs["vision_mask"], added)
