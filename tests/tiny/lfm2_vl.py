"""Tiny checkpoint of LFM2-VL."""

from collections.abc import Callable
from pathlib import Path

from transformers import (
    Lfm2Config,
    Lfm2VlConfig,
    Lfm2VlForConditionalGeneration,
    Lfm2VlImageProcessor,
    Lfm2VlProcessor,
    Siglip2VisionConfig,
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
TILE = 2 * CELL


def tiny_lfm2_vl(folder: Path) -> Path:
    """Write a random LFM2-VL of two layers: 2 × 2 tokens in a tile, six tiles at most."""
    tags = [f"<|img_row_{row + 1}_col_{column + 1}|>" for row in range(6) for column in range(6)]
    named = {
        "image_token": "<image>",
        "image_start_token": "<|image_start|>",
        "image_end_token": "<|image_end|>",
        "image_thumbnail_token": "<|img_thumbnail|>",
    }
    tokenizer = byte_tokenizer(tags, named)
    config = Lfm2VlConfig(
        vision_config=Siglip2VisionConfig(
            hidden_size=HIDDEN,
            intermediate_size=2 * HIDDEN,
            num_hidden_layers=2,
            num_attention_heads=2,
            patch_size=PATCH,
            num_patches=16,
            vision_use_head=False,
        ),
        text_config=Lfm2Config(
            **language_model_sizes(tokenizer), layer_types=["conv", "full_attention"]
        ),
        image_token_id=token_id(tokenizer, "<image>"),
        projector_hidden_size=HIDDEN,
    )
    with seeded():
        model = Lfm2VlForConditionalGeneration(config)
    image_processor = Lfm2VlImageProcessor(
        max_tiles=6,
        min_image_tokens=4,
        max_image_tokens=16,
        max_pixels_tolerance=1.0,
        encoder_patch_size=PATCH,
        tile_size=TILE,
        size={"height": TILE, "width": TILE},
    )
    processor = Lfm2VlProcessor(
        image_processor=image_processor, tokenizer=tokenizer, chat_template=chat_template("<image>")
    )
    return save(folder, model, processor)


BUILDERS: dict[str, Callable[[Path], Path]] = {"lfm2_vl": tiny_lfm2_vl}
