"""Tiny checkpoints of families with Qwen-VL's grids and other language models or towers."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import transformers
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
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

PATCH = 16
MAX_TOKENS = 64

_IDS = {
    "image_token_id": "<|image_pad|>",
    "video_token_id": "<|video_pad|>",
    "vision_start_token_id": "<|vision_start|>",
    "vision_end_token_id": "<|vision_end|>",
}
_TOWER = {
    "depth": 2,
    "hidden_size": HIDDEN,
    "num_heads": 2,
    "intermediate_size": 2 * HIDDEN,
    "out_hidden_size": HIDDEN,
    "num_position_embeddings": 64,
    "initializer_range": 0.1,
}
_MROPE = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 1, 1]}


def tiny_cosmos3_omni(folder: Path) -> Path:
    """Write a random Cosmos 3 of two layers: Qwen3-VL under another name."""
    return _qwen3(
        folder,
        "Cosmos3Omni",
        {"head_dim": 16, "rope_parameters": _MROPE},
        {**_TOWER, "deepstack_visual_indexes": [0]},
    )


def tiny_qwen4_exp(folder: Path) -> Path:
    """Write a random Qwen4-Exp of one linear and one full layer with four experts in each."""
    text = {
        "head_dim": 16,
        "rope_parameters": _MROPE,
        "layer_types": ["linear_attention", "indexed_attention"],
        "linear_key_head_dim": 8,
        "linear_value_head_dim": 8,
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 4,
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": HIDDEN,
        "shared_expert_intermediate_size": HIDDEN,
        "hc_count": 2,
        "hc_lowrank": 8,
        "indexer_n_heads": 2,
        "indexer_kv_heads": 1,
        "indexer_head_dim": 16,
        "indexer_budget": 4096,
        "indexer_compress_ratio": 4,
    }
    return _qwen3(folder, "Qwen4Exp", text, _TOWER)


def tiny_hyperclovax_vision_v2(folder: Path) -> Path:
    """Write a random HyperCLOVA X SEED of two layers on the tower of Qwen2.5-VL."""
    tower = {
        **{name: value for name, value in _TOWER.items() if name != "num_position_embeddings"},
        "patch_size": PATCH,
        "window_size": 4 * PATCH,
        "fullatt_block_indexes": [1],
    }
    return _written(
        folder,
        "HyperCLOVAXVisionV2",
        {"logits_scaling": 0.5},
        tower,
        processor=transformers.HyperCLOVAXVisionV2Processor,
        clips=Qwen2VLVideoProcessor,
        ids=("image_token_id", "video_token_id"),
    )


def tiny_cohere_compass(folder: Path) -> Path:
    """Write a random two-layer North Vision whose decoder also reads the tower's first layer."""
    names = {name: token.upper() for name, token in _IDS.items()}
    return _written(
        folder,
        "CohereCompass",
        {"logit_scale": 0.5, "rope_parameters": {"full_attention": _MROPE}},
        {**_TOWER, "deepstack_visual_indexes": [0]},
        processor=transformers.CohereCompassProcessor,
        pictures=transformers.CohereCompassImageProcessor,
        clips=transformers.CohereCompassVideoProcessor,
        tokens=names,
    )


def tiny_lfm3_vl(folder: Path) -> Path:
    """Write a random LFM3-VL of two layers."""
    tower = {
        "hidden_size": HIDDEN,
        "intermediate_size": 2 * HIDDEN,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "initializer_range": 0.1,
    }
    return _written(
        folder,
        "Lfm3Vl",
        {"layer_types": ["conv", "full_attention"]},
        tower,
        processor=transformers.Lfm3VlProcessor,
        clips=Qwen3VLVideoProcessor,
        projector_hidden_size=HIDDEN,
    )


def tiny_minimax_m3_vl(folder: Path) -> Path:
    """Write a random MiniMax-M3 of one dense layer and one with four experts."""
    tokens = {
        "image_token_id": "]<]image[>[",
        "video_token_id": "]<]video[>[",
        "vision_start_token_id": "]<]start of image[>[",
        "vision_end_token_id": "]<]end of image[>[",
    }
    tokenizer = byte_tokenizer(list(tokens.values()))
    config = transformers.MiniMaxM3VLConfig(
        text_config={
            **language_model_sizes(tokenizer),
            "head_dim": 8,
            "rotary_dim": 4,
            "num_local_experts": 4,
            "num_experts_per_tok": 2,
            "dense_intermediate_size": 2 * HIDDEN,
            "shared_intermediate_size": HIDDEN,
            "mlp_layer_types": ["dense", "sparse"],
        },
        vision_config={
            "hidden_size": 64,
            "intermediate_size": 2 * HIDDEN,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": 16 * PATCH,
            "patch_size": PATCH,
            "initializer_range": 0.1,
        },
        image_token_index=token_id(tokenizer, tokens["image_token_id"]),
        video_token_index=token_id(tokenizer, tokens["video_token_id"]),
        projector_hidden_size=HIDDEN,
    )
    with seeded():
        model = transformers.MiniMaxM3SparseForConditionalGeneration(config)
    cell = 2 * PATCH
    size = {"shortest_edge": 4 * cell**2, "longest_edge": MAX_TOKENS * cell**2}
    processor = transformers.MiniMaxM3VLProcessor(
        transformers.MiniMaxM3VLImageProcessor(size=size, patch_size=PATCH),
        tokenizer,
        transformers.MiniMaxM3VLVideoProcessor(size=size, patch_size=PATCH),
        chat_template=chat_template("]<]image[>[", "]<]video[>["),
    )
    return save(folder, model, processor)


def tiny_dots3_note(folder: Path) -> Path:
    """Write a random Dots3 of two layers with four experts in each."""
    tokens = {
        "image_token_id": "<|imgpad|>",
        "video_token_id": "<|video_pad|>",
        "audio_token_id": "<|audio_comp_pad|>",
    }
    tokenizer = byte_tokenizer(["<|img|>", "<|endofimg|>", *tokens.values()])
    config = transformers.Dots3NoteConfig(
        text_config={
            **language_model_sizes(tokenizer),
            "num_key_value_heads": 4,
            "moe_intermediate_size": HIDDEN,
            "shared_experts_intermediate_size": HIDDEN,
            "n_routed_experts": 4,
            "num_experts_per_tok": 2,
            "kv_lora_rank": 16,
            "q_lora_rank": 16,
            "qk_rope_head_dim": 8,
            "qk_nope_head_dim": 8,
            "v_head_dim": 8,
            "head_dim": 16,
            "index_topk": 4096,
            "index_head_dim": 16,
            "index_n_heads": 2,
        },
        vision_config={
            "hidden_size": HIDDEN,
            "intermediate_size": 2 * HIDDEN,
            "moe_intermediate_size": HIDDEN,
            "num_local_experts": 4,
            "num_hidden_layers": 2,
            "mlp_layer_types": ["dense", "sparse"],
            "num_attention_heads": 2,
            "patch_size": PATCH,
            "adapter_in_dim": HIDDEN,
            "adapter_out_dim": HIDDEN,
            "initializer_range": 0.1,
        },
        audio_config={
            "hidden_size": HIDDEN,
            "intermediate_size": HIDDEN,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "downsample_hidden_size": 8,
            "adapter_input_size": HIDDEN,
            "adapter_out_dim": HIDDEN,
        },
        **{name: token_id(tokenizer, token) for name, token in tokens.items()},
    )
    with seeded():
        model = transformers.Dots3NoteForConditionalGeneration(config)
    cell = 2 * PATCH
    size = {"shortest_edge": 4 * cell**2, "longest_edge": MAX_TOKENS * cell**2}
    processor = transformers.Dots3NoteProcessor(
        Qwen2VLImageProcessor(size=size, patch_size=PATCH, temporal_patch_size=1),
        tokenizer,
        Qwen3VLVideoProcessor(size=size, patch_size=PATCH, cap_pixels_per_frame=False),
        transformers.WhisperFeatureExtractor(),
        chat_template=chat_template("<|img|><|imgpad|><|endofimg|>", "<|video_pad|>"),
    )
    return save(folder, model, processor)


def _qwen3(folder: Path, name: str, text: dict[str, Any], tower: dict[str, Any]) -> Path:
    return _written(folder, name, text, tower, Qwen3VLProcessor, clips=Qwen3VLVideoProcessor)


def _written(
    folder: Path,
    name: str,
    text: Mapping[str, Any],
    tower: Mapping[str, Any],
    processor: Any,
    *,
    clips: Any,
    pictures: Any = Qwen2VLImageProcessor,
    ids: tuple[str, ...] = tuple(_IDS),
    tokens: Mapping[str, str] = _IDS,
    **options: Any,
) -> Path:
    """Write a checkpoint of the classes in transformers that have a family's name."""
    tokenizer = byte_tokenizer(list(tokens.values()))
    config = getattr(transformers, f"{name}Config")(
        text_config={**language_model_sizes(tokenizer), **text},
        vision_config=dict(tower),
        **{key: token_id(tokenizer, tokens[key]) for key in ids},
        **options,
    )
    with seeded():
        model = getattr(transformers, f"{name}ForConditionalGeneration")(config)
    return save(folder, model, _processor(tokenizer, processor, pictures, clips, tokens))


def _processor(
    tokenizer: PreTrainedTokenizerFast,
    processor: Any,
    pictures: Any,
    clips: Any,
    tokens: Mapping[str, str],
) -> Any:
    cell = 2 * PATCH
    size = {"shortest_edge": 4 * cell**2, "longest_edge": MAX_TOKENS * cell**2}
    start, end = tokens["vision_start_token_id"], tokens["vision_end_token_id"]
    return processor(
        image_processor=pictures(size=size, patch_size=PATCH),
        tokenizer=tokenizer,
        video_processor=clips(size=size, patch_size=PATCH, cap_pixels_per_frame=False),
        chat_template=chat_template(
            f"{start}{tokens['image_token_id']}{end}", f"{start}{tokens['video_token_id']}{end}"
        ),
    )


BUILDERS: dict[str, Callable[[Path], Path]] = {
    "cosmos3_omni": tiny_cosmos3_omni,
    "qwen4_exp": tiny_qwen4_exp,
    "hyperclovax_vision_v2": tiny_hyperclovax_vision_v2,
    "cohere_compass": tiny_cohere_compass,
    "lfm3_vl": tiny_lfm3_vl,
    "minimax_m3_vl": tiny_minimax_m3_vl,
    "dots3_note": tiny_dots3_note,
}
