"""Granite 4 Vision: LLaVA-NeXT's views, patches merged in windows and injected layer by layer."""

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

    ``downsample_rate`` is the ratio of tokens to patches along a side of a window.
    """

    family = "Granite 4 Vision"
    tower_added = ("image_positions", "query")
    notes = (
        "A small transformer turns a window of patches into vision tokens, so a token also sees "
        "the rest of its window.",
    )

    def tower(self, config: Any) -> Tower:
        """Return the tower's square input, with the tokens that its windows become."""
        return tower_of(config, tokens=Fraction(config.downsample_rate or 1))

    def new_cache(self, model: "PreTrainedModel") -> "Cache | None":
        """Return an empty cache, which the text model does not create by itself."""
        from transformers import DynamicCache

        return DynamicCache(config=model.config.get_text_config(decoder=True))

    def input_embeddings(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> "torch.Tensor":
        """Return the embeddings plus the vision features that decoder layers add to them."""
        embeddings = super().input_embeddings(args, kwargs)
        features = kwargs.get("deepstack_features")
        if not features:
            return embeddings
        added: torch.Tensor = sum(features.values())
        return embeddings.masked_scatter(kwargs["vision_mask"], added)
