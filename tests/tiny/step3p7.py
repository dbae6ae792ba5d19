"""Tiny checkpoint of Step 3.7."""

from collections.abc import Callable
from pathlib import Path

from transformers import (
    Step3p7Config,
    Step3p7ForConditionalGeneration,
    Step3p7ImageProcessor,
    Step3p7Processor,
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
CELL = 4 * PATCH
WHOLE, WINDOW = 13 * CELL, 9 * CELL


def tiny_step3p7(folder: Path) -> Path:
    """Write a random Step 3.7 of two layers: 13 × 13 tokens of a picture, 9 × 9 of a window."""
    marks = ["<im_patch>", "<im_start>", "<im_end>"]
    marks += ["<patch_start>", "<patch_end>", "<patch_newline>"]
    tokenizer = byte_tokenizer(marks)
    config = Step3p7Config(
        text_config={
            **language_model_sizes(tokenizer),
            "head_dim": 8,
            "layer_types": ["full_attention", "sliding_attention"],
            "mlp_layer_types": ["dense", "sparse"],
            "sliding_window": 64,
            "rope_theta": [10000.0, 10000.0],
            "partial_rotary_factors": [0.5, 1.0],
            "n_routed_experts": 4,
            "num_experts_per_tok": 2,
            "moe_intermediate_size": HIDDEN,
            "share_expert_dim": HIDDEN,
        },
        vision_config={
            "hidden_size": HIDDEN,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "mlp_ratio": 2.0,
            "image_size": WHOLE,
            "patch_size": PATCH,
            "initializer_range": 0.1,
        },
        image_token_id=token_id(tokenizer, "<im_patch>"),
    )
    with seeded():
        model = Step3p7ForConditionalGeneration(config)
    images = Step3p7ImageProcessor(
        size={"height": WHOLE, "width": WHOLE},
        patch_size=WINDOW,
        max_image_size=6 * WINDOW,
        vision_patch_size=PATCH,
    )
    processor = Step3p7Processor(images, tokenizer, chat_template=chat_template("<im_patch>"))
    return save(folder, model, processor)


BUILDERS: dict[str, Callable[[Path], Path]] = {"step3p7": tiny_step3p7}
