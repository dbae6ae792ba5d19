"""Tiny checkpoints of families that pad a picture to whole tokens, keeping its aspect ratio."""

from collections.abc import Callable
from pathlib import Path

from transformers import (
    DeepseekV3Config,
    Kimi_K25Config,
    Kimi_K25ForConditionalGeneration,
    Kimi_K25ImageProcessor,
    Kimi_K25Processor,
    Kimi_K25VideoProcessor,
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

KIMI_PATCH = 14


def tiny_kimi_k25(folder: Path) -> Path:
    """Write a random Kimi K2.5 of two layers: up to twelve patches a side."""
    marks = ["<|media_begin|>", "<|media_content|>", "<|media_end|>"]
    tokenizer = byte_tokenizer(
        marks, named={"image_token": "<|media_pad|>", "video_token": "<|video_pad|>"}
    )
    sizes = {**language_model_sizes(tokenizer), "num_key_value_heads": 4}
    text = DeepseekV3Config(
        **sizes,
        q_lora_rank=16,
        kv_lora_rank=16,
        qk_rope_head_dim=8,
        qk_nope_head_dim=8,
        v_head_dim=8,
        moe_intermediate_size=HIDDEN,
        n_routed_experts=4,
        num_experts_per_tok=2,
        n_group=1,
        topk_group=1,
        first_k_dense_replace=1,
    )
    config = Kimi_K25Config(
        text_config=text,
        vision_config={
            "hidden_size": HIDDEN,
            "intermediate_size": 2 * HIDDEN,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "patch_size": KIMI_PATCH,
            "pos_emb_height": 16,
            "pos_emb_width": 16,
        },
        projection_hidden_size=HIDDEN,
        image_token_id=token_id(tokenizer, "<|media_pad|>"),
        video_token_id=token_id(tokenizer, "<|video_pad|>"),
    )
    with seeded():
        model = Kimi_K25ForConditionalGeneration(config)
    size = {"max_height": 12, "max_width": 12}
    processor = Kimi_K25Processor(
        Kimi_K25ImageProcessor(size=size),
        tokenizer,
        Kimi_K25VideoProcessor(size=size),
        chat_template=chat_template(
            "<|media_begin|>image<|media_content|><|media_pad|><|media_end|>", "<|video_pad|>"
        ),
    )
    return save(folder, model, processor)


BUILDERS: dict[str, Callable[[Path], Path]] = {"kimi_k25": tiny_kimi_k25}
