"""Tiny checkpoints of families with grids of patches and towers of their own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import transformers
from transformers import PreTrainedTokenizerFast

from tests.tiny.parts import (
    HIDDEN,
    byte_tokenizer,
    chat_template,
    language_model_sizes,
    save,
    seeded,
    token_id,
)

MAX_TOKENS = 64
CELL = 28
_SIZE = {"shortest_edge": 4 * CELL**2, "longest_edge": MAX_TOKENS * CELL**2}


def tiny_video_llama_3(folder: Path) -> Path:
    """Write a random VideoLLaMA 3 of two layers."""
    tokenizer = byte_tokenizer(["<|image_pad|>", "<|video_pad|>"])
    config = transformers.VideoLlama3Config(
        text_config={**language_model_sizes(tokenizer), "model_type": "qwen2"},
        vision_config={
            "hidden_size": HIDDEN,
            "intermediate_size": 2 * HIDDEN,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "patch_size": 14,
            "initializer_range": 0.1,
        },
        image_token_id=token_id(tokenizer, "<|image_pad|>"),
        video_token_id=token_id(tokenizer, "<|video_pad|>"),
    )
    with seeded():
        model = transformers.VideoLlama3ForConditionalGeneration(config)
    processor = transformers.VideoLlama3Processor(
        transformers.VideoLlama3ImageProcessor(size=_SIZE, merge_size=2),
        tokenizer,
        transformers.VideoLlama3VideoProcessor(size=_SIZE),
        chat_template=chat_template("<|image_pad|>", "<|video_pad|>"),
    )
    return save(folder, model, processor)


def tiny_ernie4_5_vl_moe(folder: Path) -> Path:
    """Write a random ERNIE 4.5 VL of one dense layer and one with experts for each kind."""
    names = {
        "image_token": "<|IMAGE_PLACEHOLDER|>",
        "image_start_token": "<|IMAGE_START|>",
        "image_end_token": "<|IMAGE_END|>",
        "video_token": "<|VIDEO_PLACEHOLDER|>",
        "video_start_token": "<|VIDEO_START|>",
        "video_end_token": "<|VIDEO_END|>",
    }
    tokenizer = byte_tokenizer(named=names)
    config = transformers.Ernie4_5_VLMoeConfig(
        text_config={
            **language_model_sizes(tokenizer),
            "moe_intermediate_size": [HIDDEN, HIDDEN],
            "moe_k": 2,
            "moe_num_experts": 4,
            "moe_num_shared_experts": 1,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "mrope_section": [1, 1, 2],
            },
        },
        vision_config={
            "depth": 2,
            "hidden_size": HIDDEN,
            "num_heads": 2,
            "intermediate_size": 2 * HIDDEN,
            "initializer_range": 0.1,
        },
        **{f"{name}_id": token_id(tokenizer, token) for name, token in names.items()},
    )
    with seeded():
        model = transformers.Ernie4_5_VLMoeForConditionalGeneration(config)
    processor = transformers.Ernie4_5_VLMoeProcessor(
        transformers.Ernie4_5_VLMoeImageProcessor(size=_SIZE),
        tokenizer,
        transformers.Ernie4_5_VLMoeVideoProcessor(size=_SIZE, draw_on_frames=False),
        chat_template=chat_template(
            "<|IMAGE_START|><|IMAGE_PLACEHOLDER|><|IMAGE_END|>",
            "<|VIDEO_START|><|VIDEO_PLACEHOLDER|><|VIDEO_END|>",
        ),
    )
    return save(folder, model, processor)


_MUSE = (
    "<|patch|> <|image_start|> <|image_end|> <|video|> <|vid_frame_separator|> <|vid_start|> "
    "<|vid_end|> <|audio|> <|soft_audio_start|> <|soft_audio_end|>"
).split()


def tiny_muse_glimmer(folder: Path) -> Path:
    """Write a random Muse Glimmer of two layers."""
    tokenizer = byte_tokenizer(_MUSE)
    config = transformers.MuseGlimmerConfig(**_muse(tokenizer, {}))
    with seeded():
        model = transformers.MuseGlimmerForConditionalGeneration(config)
    processor = transformers.MuseGlimmerProcessor(
        transformers.MuseGlimmerImageProcessor(max_image_tokens=MAX_TOKENS),
        transformers.MuseGlimmerVideoProcessor(),
        tokenizer,
        chat_template=chat_template("<|patch|>", "<|video|>"),
    )
    return save(folder, model, processor)


def tiny_muse_spark(folder: Path) -> Path:
    """Write a random Muse Spark of two layers with four experts in each."""
    tokenizer = byte_tokenizer(_MUSE)
    experts = {
        "num_local_experts": 4,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": HIDDEN,
        "moe_hidden_size": HIDDEN // 2,
    }
    audio = {
        "patch_sizes": [4, 4],
        "hidden_sizes": [8, 8],
        "depths": [1, 1],
        "num_hidden_layers": 2,
        "out_hidden_size": HIDDEN,
    }
    config = transformers.MuseSparkConfig(**_muse(tokenizer, experts), audio_config=audio)
    with seeded():
        model = transformers.MuseSparkForConditionalGeneration(config)
    processor = transformers.MuseSparkProcessor(
        transformers.MuseGlimmerImageProcessor(max_image_tokens=MAX_TOKENS),
        transformers.MuseGlimmerVideoProcessor(),
        tokenizer,
        transformers.MuseSparkFeatureExtractor(),
        chat_template=chat_template("<|patch|>", "<|video|>"),
    )
    return save(folder, model, processor)


def _muse(tokenizer: PreTrainedTokenizerFast, more: dict[str, Any]) -> dict[str, Any]:
    return {
        "text_config": {**language_model_sizes(tokenizer), "head_dim": 8, **more},
        "vision_config": {
            "hidden_size": HIDDEN,
            "intermediate_size": 2 * HIDDEN,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "pos_emb_height": 8,
            "pos_emb_width": 8,
            "max_position_embeddings": 64,
        },
        "image_token_id": token_id(tokenizer, "<|patch|>"),
        "video_token_id": token_id(tokenizer, "<|video|>"),
        "out_hidden_size": 4 * HIDDEN,
        "projector_hidden_size": HIDDEN,
    }


def tiny_inkling2(folder: Path) -> Path:
    """Write a random Inkling 2 of two layers with four experts in each."""
    tokenizer = byte_tokenizer(named={"image_token": "<|image|>"})
    config = transformers.Inkling2Config(
        text_config={
            **_inkling_text(tokenizer),
            "unpadded_vocab_size": len(tokenizer) - 1,
            "n_layers_per_attn_res_block": 1,
        },
        vision_config={
            "hidden_size": HIDDEN,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "patch_size": 10,
            "posemb_grid_size": 8,
            "projection_hidden_dim": HIDDEN,
            "text_hidden_size": HIDDEN,
            "initializer_range": 0.1,
        },
        image_token_id=token_id(tokenizer, "<|image|>"),
    )
    with seeded():
        model = transformers.Inkling2ForConditionalGeneration(config)
    processor = transformers.Inkling2Processor(
        transformers.Inkling2ImageProcessor(size={"height": 20, "width": 20}),
        tokenizer,
        chat_template=chat_template("<|image|>"),
    )
    return save(folder, model, processor)


def tiny_inkling(folder: Path) -> Path:
    """Write a random Inkling of one dense layer and one with four experts."""
    names = {
        "image_token": "<|image|>",
        "audio_token": "<|audio|>",
        "image_bos_token": "<|content_image|>",
        "audio_bos_token": "<|content_audio_input|>",
    }
    tokenizer = byte_tokenizer(named=names)
    config = transformers.InklingConfig(
        text_config={
            **_inkling_text(tokenizer),
            "mlp_layer_types": ["dense", "sparse"],
            "intermediate_size": 2 * HIDDEN,
            "n_shared_experts": 1,
            "logits_mup_width_multiplier": 2.0,
        },
        vision_config={"hidden_size": HIDDEN, "num_hidden_layers": 4, "patch_size": 40},
        audio_config={"n_mel_bins": 8, "mel_vocab_size": 16},
        **{f"{name}_id": token_id(tokenizer, token) for name, token in names.items()},
    )
    with seeded():
        model = transformers.InklingForConditionalGeneration(config)
    processor = transformers.InklingProcessor(
        transformers.InklingFeatureExtractor(),
        transformers.InklingImageProcessor(),
        tokenizer,
        chat_template=chat_template("<|image|>"),
        image_token="<|image|>",
        audio_token="<|audio|>",
    )
    return save(folder, model, processor)


def _inkling_text(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    """Return the sizes of a text model that both generations of Inkling have."""
    sizes = language_model_sizes(tokenizer)
    return {
        **{name: value for name, value in sizes.items() if name != "intermediate_size"},
        "head_dim": 8,
        "swa_num_attention_heads": 4,
        "swa_num_key_value_heads": 2,
        "swa_head_dim": 8,
        "d_rel": 4,
        "rel_extent": 64,
        "layer_types": ["hybrid_sliding", "hybrid"],
        "moe_intermediate_size": HIDDEN,
        "n_routed_experts": 4,
        "num_experts_per_tok": 2,
    }


def tiny_glm5_next(folder: Path) -> Path:
    """Write a random GLM-5 V of one dense layer and one with four experts."""
    names = {
        "image_token_id": "<|image|>",
        "video_token_id": "<|video|>",
        "image_start_token_id": "<|begin_of_image|>",
        "image_end_token_id": "<|end_of_image|>",
        "video_start_token_id": "<|begin_of_video|>",
        "video_end_token_id": "<|end_of_video|>",
    }
    tokenizer = byte_tokenizer(list(names.values()))
    config = transformers.Glm5NextConfig(
        text_config={
            **language_model_sizes(tokenizer),
            "num_key_value_heads": 4,
            "moe_intermediate_size": HIDDEN,
            "n_routed_experts": 4,
            "num_experts_per_tok": 2,
            "kv_lora_rank": 16,
            "q_lora_rank": 16,
            "v_head_dim": 8,
            "qk_nope_head_dim": 8,
            "index_topk": 4096,
            "index_head_dim": 8,
            "index_n_heads": 2,
            "index_kpool": 4,
            "linear_head_dim": 8,
            "linear_num_heads": 4,
            "hc_mult": 2,
            "mlp_layer_types": ["dense", "sparse"],
            "layer_types": ["linear_attention", "indexed_attention"],
        },
        vision_config={
            "depth": 2,
            "hidden_size": HIDDEN,
            "num_heads": 2,
            "image_size": 112,
            "out_hidden_size": HIDDEN,
            "intermediate_size": 2 * HIDDEN,
            "projection_intermediate_size": HIDDEN,
            "initializer_range": 0.1,
        },
        **{name: token_id(tokenizer, token) for name, token in names.items()},
    )
    with seeded():
        model = transformers.Glm5NextForConditionalGeneration(config)
    processor = transformers.Glm5NextProcessor(
        transformers.Glm5NextImageProcessor(min_image_tokens=4, max_image_tokens=MAX_TOKENS),
        tokenizer,
        transformers.Glm5NextVideoProcessor(min_image_tokens=4, max_image_tokens=MAX_TOKENS),
        chat_template=chat_template(
            "<|begin_of_image|><|image|><|end_of_image|>",
            "<|begin_of_video|><|video|><|end_of_video|>",
        ),
    )
    return save(folder, model, processor)


def tiny_nemotron_h_omni(folder: Path) -> Path:
    """Write a random Nemotron Omni of one Mamba layer and one of attention."""
    tokenizer = byte_tokenizer(
        ["<img>", "</img>", "<image>", "<video>", "<so_start>", "<so_end>", "<so_embedding>"]
    )
    sizes = language_model_sizes(tokenizer)
    config = transformers.NemotronH_Omni_Reasoning_V3_Config(
        text_config={
            **{name: value for name, value in sizes.items() if name != "num_hidden_layers"},
            "layers_block_type": ["mamba", "attention"],
            "head_dim": 8,
            "ssm_state_size": 8,
            "mamba_num_heads": 4,
            "mamba_head_dim": 8,
            "n_groups": 2,
            "chunk_size": 16,
        },
        vision_config={
            "hidden_size": HIDDEN,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "max_img_size": 512,
            "video_temporal_patch_size": 2,
            "initializer_range": 0.1,
        },
        projector_hidden_size=HIDDEN,
        vision_hidden_size=HIDDEN,
        image_token_id=token_id(tokenizer, "<image>"),
        video_token_id=token_id(tokenizer, "<video>"),
        audio_token_id=token_id(tokenizer, "<so_embedding>"),
    )
    config.audio_config = None
    with seeded():
        model = transformers.NemotronH_Omni_Reasoning_V3(config)
    processor = transformers.NemotronH_Omni_Reasoning_V3Processor(
        transformers.NemotronH_Omni_Reasoning_V3ImageProcessor(
            min_num_patches=16, max_num_patches=4 * MAX_TOKENS
        ),
        transformers.NemotronH_Omni_Reasoning_V3VideoProcessor(video_target_num_patches=64),
        tokenizer,
        transformers.ParakeetFeatureExtractor(),
        chat_template=chat_template("<image>", "<video>"),
    )
    return save(folder, model, processor)


BUILDERS: dict[str, Callable[[Path], Path]] = {
    "video_llama_3": tiny_video_llama_3,
    "ernie4_5_vl_moe": tiny_ernie4_5_vl_moe,
    "muse_glimmer": tiny_muse_glimmer,
    "muse_spark": tiny_muse_spark,
    "inkling2": tiny_inkling2,
    "inkling_mm_model": tiny_inkling,
    "glm5_next": tiny_glm5_next,
    "nemotron_h_omni": tiny_nemotron_h_omni,
}
