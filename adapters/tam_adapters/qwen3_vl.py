"""Qwen3-VL and Qwen3.5, dense and with experts: a time stamp before each cell of a clip."""

from collections.abc import Mapping
from typing import Any

from tam_adapters.grid_thw import GridThwAdapter


class Qwen3VLAdapter(GridThwAdapter):
    """Qwen3-VL: features of the tower's middle layers are added to the same tokens further up."""

    family = "Qwen3-VL"
    marked_frames = True


class Qwen35Adapter(GridThwAdapter):
    """Qwen3.5: the same grids before a text decoder of which most layers attend linearly."""

    family = "Qwen3.5"
    marked_frames = True


class Cosmos3EdgeAdapter(GridThwAdapter):
    """Cosmos 3 Edge: the same grids and time stamps before a language model of its own."""

    family = "Cosmos 3 Edge"
    marked_frames = True

    def call_processor(self, processor: Any, options: Mapping[str, Any]) -> Any:
        """Encode a rendered prompt; its processor gives token types and keeps times when asked."""
        clips = {"return_metadata": True} if "videos" in options else {}
        return processor(**options, **clips, return_mm_token_type_ids=True)
