"""Tiny checkpoints of families that show each picture once, at its own aspect ratio."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import transformers
from transformers import (
    Gemma4AudioFeatureExtractor,
    Gemma4Config,
    Gemma4ForConditionalGeneration,
    Gemma4ImageProcessor,
    Gemma4Processor,
    Gemma4UnifiedAudioFeatureExtractor,
    Gemma4UnifiedConfig,
    Gemma4UnifiedForConditionalGeneration,
    Gemma4UnifiedImageProcessor,
    Gemma4UnifiedProcessor,
    Gemma4UnifiedVideoProcessor,
    Gemma4VideoProcessor,
    LightOnOcrConfig,
    LightOnOcrForConditionalGeneration,
    LightOnOcrProcessor,
    LlavaConfig,
    LlavaForConditionalGeneration,
    Mistral3Config,
    Mistral3ForConditionalGeneration,
    Mistral4Config,
    MistralConfig,
    PixtralImageProcessor,
    PixtralProcessor,
    PixtralVisionConfig,
    PreTrainedTokenizerFast,
    Qwen3Config,
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
LONGEST = 168
GEMMA_PATCH = 8
GEMMA_CELL = 3 * GEMMA_PATCH
GEMMA_TOKENS = 70
"""The smallest value that the processor accepts."""

_PIXTRAL_TOKENS = {
    "image_token": "[IMG]",
    "image_break_token": "[IMG_BREAK]",
    "image_end_token": "[IMG_END]",
}
_GEMMA_TOKENS = {
    "image_token": "<|image|>",
    "boi_token": "<|image>",
    "eoi_token": "<image|>",
    "audio_token": "<|audio|>",
    "boa_token": "<|audio>",
    "eoa_token": "<audio|>",
}


_LATENT: dict[str, Any] = {
    "kv_lora_rank": 16,
    "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 8,
    "v_head_dim": 8,
    "moe_intermediate_size": HIDDEN,
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
}


def tiny_mistral3(folder: Path) -> Path:
    """Write a random Mistral 3 of two layers, 2 × 2 patches in a token."""
    tokenizer = byte_tokenizer(list(_PIXTRAL_TOKENS.values()))
    config = Mistral3Config(
        vision_config=_pixtral(),
        text_config=_mistral(tokenizer),
        image_token_index=token_id(tokenizer, "[IMG]"),
    )
    with seeded():
        model = Mistral3ForConditionalGeneration(config)
    return save(folder, model, _processor(tokenizer, merge=2))


def tiny_mistral3_on_mistral4(folder: Path) -> Path:
    """Write a random Mistral 3 on a Mistral 4 of two layers with four experts in each."""
    tokenizer = byte_tokenizer(list(_PIXTRAL_TOKENS.values()))
    sizes = {**language_model_sizes(tokenizer), "num_key_value_heads": 4}
    config = Mistral3Config(
        vision_config=_pixtral(),
        text_config=Mistral4Config(**sizes, **_LATENT, q_lora_rank=16),
        image_token_index=token_id(tokenizer, "[IMG]"),
    )
    with seeded():
        model = Mistral3ForConditionalGeneration(config)
    return save(folder, model, _processor(tokenizer, merge=2))


def tiny_mistral_large4(folder: Path) -> Path:
    """Write a random Mistral Large 4 of two layers."""
    tokenizer = byte_tokenizer(list(_PIXTRAL_TOKENS.values()))
    sizes = {**language_model_sizes(tokenizer), "num_key_value_heads": 4}
    rope = {"rope_type": "default", "rope_theta": 10000.0}
    indexer = {"index_topk": 4096, "index_head_dim": 16, "index_n_heads": 2, "head_dim": 8}
    config = transformers.MistralLarge4Config(
        vision_config=_pixtral(),
        text_config=transformers.MistralLarge4TextConfig(
            **sizes, **_LATENT, **indexer, rope_parameters=rope
        ),
        image_token_index=token_id(tokenizer, "[IMG]"),
    )
    with seeded():
        model = transformers.MistralLarge4ForConditionalGeneration(config)
    return save(folder, model, _processor(tokenizer, merge=2))


def tiny_pixtral(folder: Path) -> Path:
    """Write a random Pixtral of two layers: LLaVA on a Pixtral tower."""
    tokenizer = byte_tokenizer(list(_PIXTRAL_TOKENS.values()))
    config = LlavaConfig(
        vision_config=_pixtral(),
        text_config=_mistral(tokenizer),
        image_token_index=token_id(tokenizer, "[IMG]"),
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
    )
    with seeded():
        model = LlavaForConditionalGeneration(config)
    return save(folder, model, _processor(tokenizer, merge=1))


def tiny_lighton_ocr(folder: Path) -> Path:
    """Write a random LightOn-OCR of two layers, 2 × 2 patches in a token."""
    tokenizer = byte_tokenizer(named=_PIXTRAL_TOKENS)
    config = LightOnOcrConfig(
        vision_config=_pixtral(),
        text_config=Qwen3Config(**language_model_sizes(tokenizer), head_dim=8),
        image_token_id=token_id(tokenizer, "[IMG]"),
    )
    with seeded():
        model = LightOnOcrForConditionalGeneration(config)
    processor = LightOnOcrProcessor(
        _image_processor(2 * PATCH),
        tokenizer,
        patch_size=PATCH,
        spatial_merge_size=2,
        chat_template=chat_template("[IMG]"),
    )
    return save(folder, model, processor)


def tiny_gemma4(folder: Path) -> Path:
    """Write a random Gemma 4 of two layers, with bidirectional attention among vision tokens."""
    tower = {
        "hidden_size": HIDDEN,
        "intermediate_size": 2 * HIDDEN,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "patch_size": GEMMA_PATCH,
        "position_embedding_size": 256,
        "initializer_range": 0.1,
    }
    tokenizer = byte_tokenizer(named=_GEMMA_TOKENS)
    pooling: dict[str, Any] = {"patch_size": GEMMA_PATCH, "max_soft_tokens": GEMMA_TOKENS}
    processor = Gemma4Processor(
        Gemma4AudioFeatureExtractor(),
        Gemma4ImageProcessor(**pooling),
        tokenizer,
        Gemma4VideoProcessor(**pooling),
        chat_template=chat_template("<|image|>", "<|video|>"),
        image_seq_length=GEMMA_TOKENS,
    )
    text = {
        "global_head_dim": 8,
        "vocab_size_per_layer_input": len(tokenizer),
        "hidden_size_per_layer_input": 8,
    }
    config = Gemma4Config(**_gemma4(tokenizer, text), vision_config=tower, audio_config=None)
    with seeded():
        model = Gemma4ForConditionalGeneration(config)
    return save(folder, model, processor)


def tiny_gemma4_unified(folder: Path) -> Path:
    """Write a random Gemma 4 of two layers that reads pixels without a vision tower."""
    embedder = {
        "patch_size": GEMMA_PATCH,
        "mm_embed_dim": HIDDEN,
        "output_proj_dims": HIDDEN,
        "mm_posemb_size": 256,
    }
    tokenizer = byte_tokenizer(named=_GEMMA_TOKENS)
    pooling: dict[str, Any] = {"patch_size": GEMMA_PATCH, "max_soft_tokens": GEMMA_TOKENS}
    processor = Gemma4UnifiedProcessor(
        Gemma4UnifiedAudioFeatureExtractor(),
        Gemma4UnifiedImageProcessor(**pooling),
        tokenizer,
        Gemma4UnifiedVideoProcessor(**pooling),
        chat_template=chat_template("<|image|>", "<|video|>"),
        image_seq_length=GEMMA_TOKENS,
    )
    config = Gemma4UnifiedConfig(
        **_gemma4(tokenizer, {}), vision_config=embedder, audio_config=None
    )
    with seeded():
        model = Gemma4UnifiedForConditionalGeneration(config)
    return save(folder, model, processor)


def _gemma4(tokenizer: PreTrainedTokenizerFast, text: dict[str, Any]) -> dict[str, Any]:
    tokens = {
        "image_token_id": "<|image|>",
        "video_token_id": "<|video|>",
        "boi_token_id": "<|image>",
        "eoi_token_id": "<image|>",
        "audio_token_id": "<|audio|>",
        "boa_token_id": "<|audio>",
        "eoa_token_index": "<audio|>",
    }
    return {
        "text_config": {
            **language_model_sizes(tokenizer),
            "head_dim": 8,
            "layer_types": ["sliding_attention", "full_attention"],
            "final_logit_softcapping": 30.0,
            "use_bidirectional_attention": "vision",
            **text,
        },
        **{name: token_id(tokenizer, token) for name, token in tokens.items()},
    }


def _pixtral() -> PixtralVisionConfig:
    return PixtralVisionConfig(
        hidden_size=HIDDEN,
        intermediate_size=2 * HIDDEN,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=LONGEST,
        patch_size=PATCH,
        initializer_range=0.1,
    )


def _mistral(tokenizer: PreTrainedTokenizerFast) -> MistralConfig:
    return MistralConfig(**language_model_sizes(tokenizer), sliding_window=None)


def _image_processor(cell: int) -> PixtralImageProcessor:
    size = {"height": cell, "width": cell}
    return PixtralImageProcessor(size={"longest_edge": LONGEST}, patch_size=size)


def _processor(tokenizer: PreTrainedTokenizerFast, merge: int) -> PixtralProcessor:
    return PixtralProcessor(
        _image_processor(PATCH),
        tokenizer,
        patch_size=PATCH,
        spatial_merge_size=merge,
        chat_template=chat_template("[IMG]"),
    )


BUILDERS: dict[str, Callable[[Path], Path]] = {
    "mistral3": tiny_mistral3,
    "mistral3_on_mistral4": tiny_mistral3_on_mistral4,
    "mistral_large4": tiny_mistral_large4,
    "pixtral": tiny_pixtral,
    "lighton_ocr": tiny_lighton_ocr,
    "gemma4": tiny_gemma4,
    "gemma4_unified": tiny_gemma4_unified,
}
