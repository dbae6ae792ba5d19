"""Qwen3-VL and Qwen3.5, dense or mixture of experts: a time stamp before each cell of a clip."""

from collections.abc import Mapping
from typing import Any

from tam.families.boxes import json_boxes
from tam_adapters.grid_thw import GridThwAdapter


class Qwen3VLAdapter(GridThwAdapter):
    """Qwen3-VL: the tower's middle features are added to the same tokens in decoder layers."""

    family = "Qwen3-VL"
    marked_frames = True
    boxes = json_boxes()


class Qwen35Adapter(GridThwAdapter):
    """Qwen3.5: the same grids with a text decoder of mostly linear-attention layers."""

    family = "Qwen3.5"
    marked_frames = True


class Cosmos3EdgeAdapter(GridThwAdapter):
    """Cosmos 3 Edge: the same grids and time stamps with another language model."""

    family = "Cosmos 3 Edge"
    marked_frames = True

    def call_processor(self, processor: Any, options: Mapping[str, Any]) -> Any:
        """Encode a rendered prompt, requesting token types and, for clips, frame times."""
        clips = {"return_metadata": True} if "videos" in options else {}
        return processor(**options, **clips, return_mm_token_type_ids=True)
