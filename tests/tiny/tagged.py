"""Tiny checkpoints of families whose prompts give the arrangement of a picture's tiles."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import transformers
from transformers import (
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3ImageProcessor,
    Idefics3Processor,
    Llama4Config,
    Llama4ForConditionalGeneration,
    Llama4ImageProcessor,
    Llama4Processor,
    LlamaConfig,
    Ovis2Config,
    Ovis2ForConditionalGeneration,
    Ovis2ImageProcessor,
    Ovis2Processor,
    SmolVLMConfig,
    SmolVLMForConditionalGeneration,
    SmolVLMImageProcessor,
    SmolVLMProcessor,
    SmolVLMVideoProcessor,
)

from tests.tiny.parts import (
    HIDDEN,
    byte_tokenizer,
    chat_template,
    language_model,
    language_model_sizes,
    save,
    seeded,
    token_id,
)

CELL = 28
TILE = 2 * CELL

_VISION: dict[str, Any] = {
    "hidden_size": HIDDEN,
    "intermediate_size": 2 * HIDDEN,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": TILE,
    "patch_size": CELL // 2,
}


def tiny_idefics3(folder: Path) -> Path:
    """Write a random Idefics3 of two layers: 2 × 2 tokens in a tile, four tiles along a side."""
    tokenizer = byte_tokenizer(_idefics_markers())
    config = Idefics3Config(
        vision_config=_VISION,
        text_config=LlamaConfig(**language_model_sizes(tokenizer)),
        scale_factor=2,
        image_token_id=token_id(tokenizer, "<image>"),
        pad_token_id=tokenizer.pad_token_id,
    )
    with seeded():
        model = Idefics3ForConditionalGeneration(config)
    processor = Idefics3Processor(
        image_processor=Idefics3ImageProcessor(**_idefics_sizes()),
        tokenizer=tokenizer,
        image_seq_len=4,
        chat_template=chat_template("<image>"),
    )
    return save(folder, model, processor)


def tiny_smolvlm(folder: Path) -> Path:
    """Write a random SmolVLM of two layers: 2 × 2 tokens in a tile or a frame."""
    tokenizer = byte_tokenizer([*_idefics_markers(), "<video>"])
    config = SmolVLMConfig(
        vision_config=_VISION,
        text_config=LlamaConfig(**language_model_sizes(tokenizer)),
        scale_factor=2,
        image_token_id=token_id(tokenizer, "<image>"),
        pad_token_id=tokenizer.pad_token_id,
    )
    with seeded():
        model = SmolVLMForConditionalGeneration(config)
    processor = SmolVLMProcessor(
        image_processor=SmolVLMImageProcessor(**_idefics_sizes()),
        tokenizer=tokenizer,
        video_processor=SmolVLMVideoProcessor(**_idefics_sizes()),
        image_seq_len=4,
        chat_template=chat_template("<image>", "<video>"),
    )
    return save(folder, model, processor)


def tiny_granite_docling(folder: Path) -> Path:
    """Write a random Granite-Docling of two layers: 2 × 2 tokens in a tile, six tiles at most."""
    tokenizer = byte_tokenizer(_idefics_markers())
    config = transformers.GraniteDoclingConfig(
        vision_config={
            **_VISION,
            "scale_factor": 2,
            "out_hidden_size": HIDDEN,
            "deepstack_visual_indexes": [0],
        },
        text_config={**language_model_sizes(tokenizer), "logits_scaling": 4.0},
        image_token_id=token_id(tokenizer, "<image>"),
        pad_token_id=tokenizer.pad_token_id,
    )
    with seeded():
        model = transformers.GraniteDoclingForConditionalGeneration(config)
    size = {"height": TILE, "width": TILE}
    processor = transformers.GraniteDoclingProcessor(
        image_processor=transformers.GraniteDoclingImageProcessor(size=size, max_patches=6),
        tokenizer=tokenizer,
        image_seq_len=4,
        chat_template=chat_template("<image>"),
    )
    return save(folder, model, processor)


def tiny_ovis2(folder: Path) -> Path:
    """Write a random Ovis2 of two layers: 2 × 2 tokens in a tile, six tiles at most."""
    marks = ["<IMG_START>", "<IMG_GRID>", "<IMG_COL>", "<IMG_ROW>", "<IMG_END>"]
    tokenizer = byte_tokenizer(["<image>", "<IMG_ATOM>", *marks])
    config = Ovis2Config(
        vision_config={**_VISION, "vocab_size": 64, "hidden_stride": 2},
        text_config=language_model(tokenizer),
        image_token_id=token_id(tokenizer, "<IMG_ATOM>"),
        visual_indicator_token_ids=[token_id(tokenizer, mark) for mark in marks],
        vocab_size=len(tokenizer),
        hidden_size=HIDDEN,
    )
    with seeded():
        model = Ovis2ForConditionalGeneration(config)
    size = {"height": TILE, "width": TILE}
    processor = Ovis2Processor(
        image_processor=Ovis2ImageProcessor(size=size, crop_to_patches=True, max_patches=6),
        tokenizer=tokenizer,
        image_seq_length=4,
        chat_template=chat_template("<image>\n"),
    )
    return save(folder, model, processor)


def tiny_llama4(folder: Path) -> Path:
    """Write a random Llama 4 of two layers: 2 × 2 tokens in a tile, six tiles at most."""
    marks = ["image_start", "image_end", "image", "patch", "tile_x_separator", "tile_y_separator"]
    tokenizer = byte_tokenizer([f"<|{mark}|>" for mark in marks])
    text = {
        **language_model_sizes(tokenizer),
        "intermediate_size_mlp": 2 * HIDDEN,
        "head_dim": 8,
        "num_local_experts": 2,
    }
    config = Llama4Config(
        vision_config={
            **_VISION,
            "intermediate_size": 4 * HIDDEN,
            "vision_output_dim": HIDDEN,
            "projector_input_dim": HIDDEN,
            "projector_output_dim": HIDDEN,
        },
        text_config=text,
        boi_token_index=token_id(tokenizer, "<|image_start|>"),
        eoi_token_index=token_id(tokenizer, "<|image_end|>"),
        image_token_index=token_id(tokenizer, "<|patch|>"),
    )
    with seeded():
        model = Llama4ForConditionalGeneration(config)
    size = {"height": TILE, "width": TILE}
    processor = Llama4Processor(
        image_processor=Llama4ImageProcessor(size=size, max_patches=6),
        tokenizer=tokenizer,
        patch_size=CELL // 2,
        chat_template=chat_template("<|image|>"),
    )
    return save(folder, model, processor)


def _idefics_markers() -> list[str]:
    tags = [f"<row_{row + 1}_col_{column + 1}>" for row in range(6) for column in range(6)]
    return [
        "<fake_token_around_image>",
        "<image>",
        "<end_of_utterance>",
        "<global-img>",
        *tags,
    ]


def _idefics_sizes() -> dict[str, Any]:
    return {"size": {"longest_edge": 4 * TILE}, "max_image_size": {"longest_edge": TILE}}


BUILDERS: dict[str, Callable[[Path], Path]] = {
    "idefics3": tiny_idefics3,
    "smolvlm": tiny_smolvlm,
    "granite_docling": tiny_granite_docling,
    "ovis2": tiny_ovis2,
    "llama4": tiny_llama4,
}
