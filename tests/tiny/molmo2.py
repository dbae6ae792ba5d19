"""Tiny checkpoint of Molmo2."""

from collections.abc import Callable
from pathlib import Path

import transformers

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


def tiny_molmo2(folder: Path, *, patches: int = 7) -> Path:
    """Write a random Molmo2 of two layers: crops of 7 × 7 patches, of which one overlaps."""
    marks = ["im_patch", "im_col", "im_start", "low_res_im_start", "frame_start", "im_end"]
    marks += ["frame_end", "im_low", "|image|", "|video|"]
    tokenizer = byte_tokenizer([f"<{mark}>" for mark in marks])
    text = {**language_model_sizes(tokenizer), "head_dim": 8, "additional_vocab_size": 0}
    attention = {"num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 16}
    config = transformers.Molmo2Config(
        vision_config={
            **attention,
            "hidden_size": HIDDEN,
            "intermediate_size": 2 * HIDDEN,
            "num_hidden_layers": 2,
            "image_size": [patches * PATCH, patches * PATCH],
            "patch_size": PATCH,
        },
        adapter_config={
            **attention,
            "hidden_size": HIDDEN,
            "intermediate_size": 2 * HIDDEN,
            "text_hidden_size": HIDDEN,
            "vision_feature_layer": [0, 1],
            "initializer_range": 0.1,
        },
        text_config=text,
        image_start_token_id=token_id(tokenizer, "<im_start>"),
        low_res_image_start_token_id=token_id(tokenizer, "<low_res_im_start>"),
        image_end_token_id=token_id(tokenizer, "<im_end>"),
        image_patch_id=token_id(tokenizer, "<im_patch>"),
        frame_start_token_id=token_id(tokenizer, "<frame_start>"),
        frame_end_token_id=token_id(tokenizer, "<frame_end>"),
    )
    with seeded():
        model = transformers.Molmo2ForConditionalGeneration(config)
    size = {"height": patches * PATCH, "width": patches * PATCH}
    processor = transformers.Molmo2Processor(
        image_processor=transformers.Molmo2ImageProcessor(
            size=size, max_crops=6, overlap_margins=[1, 0], patch_size=PATCH
        ),
        video_processor=transformers.Molmo2VideoProcessor(
            size=size, patch_size=PATCH, do_sample_frames=False
        ),
        tokenizer=tokenizer,
        chat_template=chat_template("<|image|>", "<|video|>"),
    )
    return save(folder, model, processor)


BUILDERS: dict[str, Callable[[Path], Path]] = {"molmo2": tiny_molmo2}
