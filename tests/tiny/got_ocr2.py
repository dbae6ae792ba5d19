"""Tiny checkpoints of GOT-OCR 2 and PP-Chart2Table."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import (
    GotOcr2Config,
    GotOcr2ForConditionalGeneration,
    GotOcr2ImageProcessor,
    GotOcr2Processor,
    PPChart2TableConfig,
    PPChart2TableImageProcessor,
    PPChart2TableProcessor,
    Qwen2Config,
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

PATCH = 2
SIDE = 16
IMAGE = 4 * PATCH * SIDE


def tiny_got_ocr2(folder: Path) -> Path:
    """Write a random GOT-OCR 2 of two layers: a square of 16 × 16 tokens."""
    processor = {"image_processor": GotOcr2ImageProcessor(size=_SIZE)}
    return _tiny(folder, GotOcr2Config, GotOcr2Processor, processor)


def tiny_pp_chart2table(folder: Path) -> Path:
    """Write a random PP-Chart2Table of two layers: a square of 16 × 16 tokens."""
    processor = {
        "image_processor": PPChart2TableImageProcessor(size=_SIZE),
        # Its processor puts nothing in a placeholder's place: the template writes them all.
        "chat_template": chat_template(f"<img>{'<imgpad>' * SIDE**2}</img>\n"),
    }
    return _tiny(folder, PPChart2TableConfig, PPChart2TableProcessor, processor)


def _tiny(folder: Path, config_class: Any, processor_class: Any, parts: dict[str, Any]) -> Path:
    marks = ["<img>", "</img>", "<|im_start|>", "<|im_end|>"]
    tokenizer = byte_tokenizer(marks, named={"image_token": "<imgpad>"})
    config = config_class(
        vision_config={
            "hidden_size": HIDDEN,
            "output_channels": HIDDEN,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": IMAGE,
            "patch_size": PATCH,
            "window_size": 4,
            "global_attn_indexes": [],
            "mlp_dim": 2 * HIDDEN,
            "initializer_range": 0.1,
        },
        text_config=Qwen2Config(**language_model_sizes(tokenizer)),
        image_token_index=token_id(tokenizer, "<imgpad>"),
        image_seq_length=SIDE**2,
    )
    with seeded():
        model = GotOcr2ForConditionalGeneration(config)
    processor = processor_class(tokenizer=tokenizer, **parts)
    return save(folder, model, processor)


_SIZE = {"height": IMAGE, "width": IMAGE}

BUILDERS: dict[str, Callable[[Path], Path]] = {
    "got_ocr2": tiny_got_ocr2,
    "pp_chart2table": tiny_pp_chart2table,
}
