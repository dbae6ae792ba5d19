"""Tiny checkpoint of HunyuanOCR."""

from collections.abc import Callable
from pathlib import Path

from transformers import (
    HunYuanVLConfig,
    HunYuanVLForConditionalGeneration,
    HunYuanVLImageProcessor,
    HunYuanVLProcessor,
)

from tests.tiny.parts import (
    HIDDEN,
    byte_tokenizer,
    chat_template,
    language_model_sizes,
    save,
    seeded,
    token_id,
)

PATCH = 14
CELL = 2 * PATCH
MAX_TOKENS = 64


def tiny_hunyuan_vl(folder: Path) -> Path:
    """Write a random HunyuanOCR of two layers."""
    tokenizer = byte_tokenizer(
        named={
            "image_token": "<image>",
            "image_start_token": "<img_start>",
            "image_end_token": "<img_end>",
        }
    )
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [1, 1, 1, 1]}
    config = HunYuanVLConfig(
        text_config={**language_model_sizes(tokenizer), "head_dim": 8, "rope_parameters": rope},
        vision_config={
            "hidden_size": HIDDEN,
            "intermediate_size": 2 * HIDDEN,
            "num_attention_heads": 2,
            "num_hidden_layers": 2,
            "out_hidden_size": HIDDEN,
            "text_hidden_size": HIDDEN,
            "patch_size": PATCH,
            "max_image_size": 16 * PATCH,
        },
        image_token_id=token_id(tokenizer, "<image>"),
        im_start_id=token_id(tokenizer, "<img_start>"),
        im_end_id=token_id(tokenizer, "<img_end>"),
    )
    with seeded():
        model = HunYuanVLForConditionalGeneration(config)
    size = {"shortest_edge": 4 * CELL**2, "longest_edge": MAX_TOKENS * CELL**2}
    processor = HunYuanVLProcessor(
        HunYuanVLImageProcessor(size=size, patch_size=PATCH),
        tokenizer,
        chat_template=chat_template("<img_start><image><img_end>"),
    )
    return save(folder, model, processor)


BUILDERS: dict[str, Callable[[Path], Path]] = {"hunyuan_vl": tiny_hunyuan_vl}
