"""Qwen2-VL and Qwen2.5-VL: pictures squashed to whole cells, two frames in a temporal cell."""

import re
from collections.abc import Mapping
from typing import Any

from tam.families.boxes import NUMBER, BoxStyle, json_boxes
from tam.families.processor import Processor
from tam_adapters.grid_thw import GridThwAdapter


def pixels_seen(inputs: Mapping[str, Any], processor: Processor) -> tuple[float, float]:
    """Return width and height, in pixels, of the first picture as the model sees it."""
    patch = int(processor.image_processor.patch_size)
    _, height, width = (int(number) for number in inputs["image_grid_thw"][0])
    return width * patch, height * patch


class Qwen2VLAdapter(GridThwAdapter):
    """Qwen2-VL: a clip's temporal cells form one run of tokens, without markers."""

    family = "Qwen2-VL"
    boxes = BoxStyle(
        "Detect the bounding box of the {noun}.",
        re.compile(rf"\({NUMBER},{NUMBER}\)\s*,\s*\({NUMBER},{NUMBER}\)"),
    )


class Qwen25VLAdapter(GridThwAdapter):
    """Qwen2.5-VL: the same grids with another vision tower."""

    family = "Qwen2.5-VL"
    boxes = json_boxes(pixels_seen)
