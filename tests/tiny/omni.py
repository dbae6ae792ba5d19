"""Tiny checkpoints of the omni families: only the thinker, and inside the model that speaks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import (
    PreTrainedTokenizerFast,
    Qwen2_5OmniConfig,
    Qwen2_5OmniForConditionalGeneration,
    Qwen2_5OmniProcessor,
    Qwen2_5OmniThinkerConfig,
    Qwen2_5OmniThinkerForConditionalGeneration,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
    Qwen3OmniMoeConfig,
    Qwen3OmniMoeForConditionalGeneration,
    Qwen3OmniMoeProcessor,
    Qwen3OmniMoeThinkerConfig,
    Qwen3OmniMoeThinkerForConditionalGeneration,
    WhisperFeatureExtractor,
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

CELL = 28
MAX_TOKENS = 64

_NAMED = {
    "image_token": "<|IMAGE|>",
    "audio_token": "<|AUDIO|>",
    "video_token": "<|VIDEO|>",
    "vision_bos_token": "<|vision_bos|>",
    "vision_eos_token": "<|vision_eos|>",
    "audio_bos_token": "<|audio_bos|>",
    "audio_eos_token": "<|audio_eos|>",
}
_AUDIO = {
    "encoder_layers": 1,
    "encoder_attention_heads": 2,
    "encoder_ffn_dim": HIDDEN,
    "d_model": HIDDEN,
    "output_dim": HIDDEN,
    "num_mel_bins": 8,
}


def tiny_qwen2_5_omni_thinker(folder: Path) -> Path:
    """Write a random thinker of Qwen2.5-Omni of two layers."""
    tokenizer = byte_tokenizer(named=_NAMED)
    with seeded():
        model = Qwen2_5OmniThinkerForConditionalGeneration(_thinker_2_5(tokenizer))
    return save(folder, model, _processor(Qwen2_5OmniProcessor, tokenizer, patch=14))


def tiny_qwen2_5_omni(folder: Path) -> Path:
    """Write a random Qwen2.5-Omni of two layers whose checkpoint has no talker."""
    tokenizer = byte_tokenizer(named=_NAMED)
    thinker = _thinker_2_5(tokenizer)
    config = Qwen2_5OmniConfig(thinker_config=thinker.to_dict(), enable_audio_output=False)
    with seeded():
        model = Qwen2_5OmniForConditionalGeneration(config)
    return save(folder, model, _processor(Qwen2_5OmniProcessor, tokenizer, patch=14))


def tiny_qwen3_omni_moe_thinker(folder: Path) -> Path:
    """Write a random thinker of Qwen3-Omni of two layers with four experts in each."""
    tokenizer = byte_tokenizer(named=_NAMED)
    with seeded():
        model = Qwen3OmniMoeThinkerForConditionalGeneration(_thinker_3(tokenizer))
    return save(folder, model, _processor(Qwen3OmniMoeProcessor, tokenizer, patch=16))


def tiny_qwen3_omni_moe(folder: Path) -> Path:
    """Write a random Qwen3-Omni of two layers whose checkpoint has no talker."""
    tokenizer = byte_tokenizer(named=_NAMED)
    thinker = _thinker_3(tokenizer)
    config = Qwen3OmniMoeConfig(thinker_config=thinker.to_dict(), enable_audio_output=False)
    with seeded():
        model = Qwen3OmniMoeForConditionalGeneration(config)
    return save(folder, model, _processor(Qwen3OmniMoeProcessor, tokenizer, patch=16))


def _thinker_2_5(tokenizer: PreTrainedTokenizerFast) -> Qwen2_5OmniThinkerConfig:
    return Qwen2_5OmniThinkerConfig(
        text_config=_text(tokenizer),
        vision_config={**_VISION, "window_size": 2 * CELL, "fullatt_block_indexes": [1]},
        audio_config=_AUDIO,
        image_token_index=token_id(tokenizer, "<|IMAGE|>"),
        video_token_index=token_id(tokenizer, "<|VIDEO|>"),
        audio_token_index=token_id(tokenizer, "<|AUDIO|>"),
        vision_start_token_id=token_id(tokenizer, "<|vision_bos|>"),
        audio_start_token_id=token_id(tokenizer, "<|audio_bos|>"),
        initializer_range=0.1,
    )


def _thinker_3(tokenizer: PreTrainedTokenizerFast) -> Qwen3OmniMoeThinkerConfig:
    experts = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": HIDDEN}
    return Qwen3OmniMoeThinkerConfig(
        text_config={**_text(tokenizer), **experts},
        vision_config={
            **_VISION,
            "patch_size": 16,
            "num_position_embeddings": 64,
            "deepstack_visual_indexes": [0],
        },
        audio_config={**_AUDIO, "downsample_hidden_size": 8},
        image_token_id=token_id(tokenizer, "<|IMAGE|>"),
        video_token_id=token_id(tokenizer, "<|VIDEO|>"),
        audio_token_id=token_id(tokenizer, "<|AUDIO|>"),
        vision_start_token_id=token_id(tokenizer, "<|vision_bos|>"),
        audio_start_token_id=token_id(tokenizer, "<|audio_bos|>"),
        initializer_range=0.1,
    )


_VISION = {
    "depth": 2,
    "hidden_size": HIDDEN,
    "num_heads": 2,
    "intermediate_size": 2 * HIDDEN,
    "out_hidden_size": HIDDEN,
    "initializer_range": 0.1,
}


def _text(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 1, 1]}
    return {**language_model_sizes(tokenizer), "rope_parameters": rope}


def _processor(kind: Any, tokenizer: PreTrainedTokenizerFast, patch: int) -> Any:
    cell = 2 * patch
    size = {"shortest_edge": 4 * cell**2, "longest_edge": MAX_TOKENS * cell**2}
    return kind(
        Qwen2VLImageProcessor(size=size, patch_size=patch),
        Qwen2VLVideoProcessor(size=size, patch_size=patch, cap_pixels_per_frame=False),
        WhisperFeatureExtractor(feature_size=8),
        tokenizer,
        chat_template=chat_template(
            "<|vision_bos|><|IMAGE|><|vision_eos|>", "<|vision_bos|><|VIDEO|><|vision_eos|>"
        ),
    )


BUILDERS: dict[str, Callable[[Path], Path]] = {
    "qwen2_5_omni_thinker": tiny_qwen2_5_omni_thinker,
    "qwen2_5_omni": tiny_qwen2_5_omni,
    "qwen3_omni_moe_thinker": tiny_qwen3_omni_moe_thinker,
    "qwen3_omni_moe": tiny_qwen3_omni_moe,
}
