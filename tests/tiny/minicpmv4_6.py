"""Tiny checkpoints of MiniCPM-V 4.6 and 4.7, and of MiniCPM-OCR."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import transformers
from transformers import (
    MiniCPMV4_6Config,
    MiniCPMV4_6ForConditionalGeneration,
    MiniCPMV4_6ImageProcessor,
    MiniCPMV4_6Processor,
    MiniCPMV4_6VideoProcessor,
    MiniCPMV4_6VisionConfig,
)
from transformers.models.qwen3_5.configuration_qwen3_5 import Qwen3_5TextConfig

from tests.tiny.parts import (
    HIDDEN,
    byte_tokenizer,
    chat_template,
    language_model_sizes,
    save,
    seeded,
    token_id,
)

PATCH = 7
CELL = 4 * PATCH


def tiny_minicpmv4_6(folder: Path) -> Path:
    """Write a random MiniCPM-V 4.6 of two layers: about four tokens in a slice, six at most."""
    classes = (MiniCPMV4_6Config, MiniCPMV4_6ForConditionalGeneration, MiniCPMV4_6Processor)
    return _tiny(folder, *classes, {})


def tiny_minicpmv4_7(folder: Path) -> Path:
    """Write a random MiniCPM-V 4.7 of two layers, cut like the 4.6."""
    classes = (
        transformers.MiniCPMV4_7Config,
        transformers.MiniCPMV4_7ForConditionalGeneration,
        transformers.MiniCPMV4_7Processor,
    )
    marks = {
        "image_start_id": "<image>",
        "image_end_id": "</image>",
        "slice_start_id": "<slice>",
        "slice_end_id": "</slice>",
        "newline_id": "Ċ",
    }
    return _tiny(folder, *classes, marks)


def tiny_minicpm_ocr(folder: Path) -> Path:
    """Write a random MiniCPM-OCR of two layers, which merges 2 × 2 patches and not 4 × 4."""
    classes = (
        transformers.MiniCPMOcrConfig,
        transformers.MiniCPMOcrForConditionalGeneration,
        transformers.MiniCPMOcrProcessor,
    )
    parts = (
        transformers.MiniCPMOcrVisionConfig,
        transformers.MiniCPMOcrImageProcessor,
        transformers.MiniCPMOcrVideoProcessor,
    )
    return _tiny(folder, *classes, {}, parts, patch=2 * PATCH)


_Parts = tuple[Any, Any, Any]
_V = (MiniCPMV4_6VisionConfig, MiniCPMV4_6ImageProcessor, MiniCPMV4_6VideoProcessor)


def _tiny(
    folder: Path,
    config_class: Any,
    model_class: Any,
    processor_class: Any,
    marks: dict[str, str],
    parts: _Parts = _V,
    patch: int = PATCH,
) -> Path:
    vision_class, image_class, video_class = parts
    names = {
        "image_token": "<|image_pad|>",
        "video_token": "<|video_pad|>",
        "image_start_token": "<image>",
        "image_end_token": "</image>",
        "slice_start_token": "<slice>",
        "slice_end_token": "</slice>",
        "image_id_start_token": "<image_id>",
        "image_id_end_token": "</image_id>",
    }
    tokenizer = byte_tokenizer(named=names)
    text = Qwen3_5TextConfig(
        **language_model_sizes(tokenizer),
        head_dim=16,
        linear_num_key_heads=2,
        linear_num_value_heads=2,
        linear_key_head_dim=8,
        linear_value_head_dim=8,
        layer_types=["linear_attention", "full_attention"],
    )
    vision = vision_class(
        hidden_size=HIDDEN,
        intermediate_size=2 * HIDDEN,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=2 * CELL,
        patch_size=patch,
    )
    config = config_class(
        text_config=text,
        vision_config=vision,
        insert_layer_id=0,
        image_size=2 * CELL,
        image_token_id=token_id(tokenizer, "<|image_pad|>"),
        video_token_id=token_id(tokenizer, "<|video_pad|>"),
        **{name: token_id(tokenizer, token) for name, token in marks.items()},
    )
    with seeded():
        model = model_class(config)
    sizes = {"max_slice_nums": 6, "scale_resolution": 2 * CELL, "patch_size": patch}
    processor = processor_class(
        image_processor=image_class(**sizes),
        video_processor=video_class(**sizes, do_sample_frames=False),
        tokenizer=tokenizer,
        chat_template=chat_template("<|image_pad|>", "<|video_pad|>"),
    )
    return save(folder, model, processor)


BUILDERS: dict[str, Callable[[Path], Path]] = {
    "minicpmv4_6": tiny_minicpmv4_6,
    "minicpmv4_7": tiny_minicpmv4_7,
    "minicpm_ocr": tiny_minicpm_ocr,
}
