"""Tiny checkpoints of families with a tower whose input is a square of fixed size."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    DeepseekVLConfig,
    DeepseekVLForConditionalGeneration,
    DeepseekVLHybridConfig,
    DeepseekVLHybridForConditionalGeneration,
    DeepseekVLHybridImageProcessor,
    DeepseekVLHybridProcessor,
    DeepseekVLImageProcessor,
    DeepseekVLProcessor,
    Gemma2Config,
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    Gemma3ImageProcessor,
    Gemma3Processor,
    JanusConfig,
    JanusForConditionalGeneration,
    JanusImageProcessor,
    JanusProcessor,
    LlamaConfig,
    LlavaProcessor,
    PaliGemmaConfig,
    PaliGemmaForConditionalGeneration,
    PaliGemmaProcessor,
    SiglipImageProcessor,
    VideoLlavaConfig,
    VideoLlavaForConditionalGeneration,
    VideoLlavaImageProcessor,
    VideoLlavaProcessor,
    VideoLlavaVideoProcessor,
    VipLlavaConfig,
    VipLlavaForConditionalGeneration,
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

IMAGE = 84
PATCH = 14
SIDE = IMAGE // PATCH

_TOWER: dict[str, Any] = {
    "hidden_size": HIDDEN,
    "intermediate_size": 2 * HIDDEN,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "image_size": IMAGE,
    "patch_size": PATCH,
}
_SIGLIP = {**_TOWER, "model_type": "siglip_vision_model", "vision_use_head": False}
_SQUARE = {"height": IMAGE, "width": IMAGE}
_CROP = {"size": {"shortest_edge": IMAGE}, "crop_size": _SQUARE}


def tiny_vipllava(folder: Path) -> Path:
    """Write a random VipLLaVA of two layers that reads three layers of its tower."""
    tokenizer = byte_tokenizer(["<image>"])
    config = VipLlavaConfig(
        vision_config=_clip(),
        text_config=LlamaConfig(**language_model_sizes(tokenizer)),
        image_token_index=token_id(tokenizer, "<image>"),
        vision_feature_layer=[-1, -2, 1],
    )
    with seeded():
        model = VipLlavaForConditionalGeneration(config)
    processor = LlavaProcessor(
        image_processor=CLIPImageProcessor(**_CROP),
        tokenizer=tokenizer,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        chat_template=chat_template("<image>\n"),
        num_additional_image_tokens=1,
    )
    return save(folder, model, processor)


def tiny_video_llava(folder: Path) -> Path:
    """Write a random Video-LLaVA of two layers."""
    tokenizer = byte_tokenizer(["<image>", "<video>"])
    config = VideoLlavaConfig(
        vision_config=_clip(),
        text_config=LlamaConfig(**language_model_sizes(tokenizer)),
        image_token_index=token_id(tokenizer, "<image>"),
        video_token_index=token_id(tokenizer, "<video>"),
    )
    with seeded():
        model = VideoLlavaForConditionalGeneration(config)
    processor = VideoLlavaProcessor(
        image_processor=VideoLlavaImageProcessor(**_CROP),
        video_processor=VideoLlavaVideoProcessor(**_CROP),
        tokenizer=tokenizer,
        patch_size=PATCH,
        chat_template=chat_template("<image>\n", "<video>\n"),
    )
    return save(folder, model, processor)


def tiny_paligemma(folder: Path) -> Path:
    """Write a random PaliGemma 2 of two layers, with a soft cap on its logits."""
    image_processor = SiglipImageProcessor(size=_SQUARE)
    image_processor.image_seq_length = SIDE**2
    tokenizer = byte_tokenizer(named={"image_token": "<image>"})
    processor = PaliGemmaProcessor(image_processor, tokenizer)
    config = PaliGemmaConfig(
        vision_config=_SIGLIP,
        text_config=Gemma2Config(**language_model_sizes(tokenizer), head_dim=8),
        image_token_index=token_id(tokenizer, "<image>"),
        projection_dim=HIDDEN,
        hidden_size=HIDDEN,
    )
    with seeded():
        model = PaliGemmaForConditionalGeneration(config)
    return save(folder, model, processor)


def tiny_gemma3(folder: Path) -> Path:
    """Write a random Gemma 3 of two layers, 2 × 2 patches pooled to each of 3 × 3 tokens."""
    tokenizer = byte_tokenizer(
        named={
            "image_token": "<image_soft_token>",
            "boi_token": "<start_of_image>",
            "eoi_token": "<end_of_image>",
        }
    )
    tokens = (SIDE // 2) ** 2
    config = Gemma3Config(
        vision_config=_SIGLIP,
        text_config={**language_model_sizes(tokenizer), "head_dim": 8, "sliding_window": 4096},
        mm_tokens_per_image=tokens,
        image_token_index=token_id(tokenizer, "<image_soft_token>"),
        boi_token_index=token_id(tokenizer, "<start_of_image>"),
        eoi_token_index=token_id(tokenizer, "<end_of_image>"),
    )
    with seeded():
        model = Gemma3ForConditionalGeneration(config)
        # Zero as initialised: every vision token would be the same.
        model.model.multi_modal_projector.mm_input_projection_weight.data.normal_()
    processor = Gemma3Processor(
        Gemma3ImageProcessor(size=_SQUARE),
        tokenizer,
        chat_template("<start_of_image>"),
        image_seq_length=tokens,
    )
    return save(folder, model, processor)


def tiny_deepseek_vl(folder: Path) -> Path:
    """Write a random DeepSeek-VL of two layers."""
    tokenizer = byte_tokenizer(named={"image_token": "<image_placeholder>"})
    config = DeepseekVLConfig(
        vision_config=_SIGLIP,
        text_config=LlamaConfig(**language_model_sizes(tokenizer)),
        image_token_id=token_id(tokenizer, "<image_placeholder>"),
    )
    with seeded():
        model = DeepseekVLForConditionalGeneration(config)
    processor = DeepseekVLProcessor(
        DeepseekVLImageProcessor(size=_SQUARE),
        tokenizer,
        chat_template("<image_placeholder>"),
        num_image_tokens=SIDE**2,
    )
    return save(folder, model, processor)


def tiny_deepseek_vl_hybrid(folder: Path) -> Path:
    """Write a random DeepSeek-VL of two layers with two towers, the second at twice the size."""
    tokenizer = byte_tokenizer(named={"image_token": "<image_placeholder>"})
    sam = {
        "model_type": "sam_vision_model",
        "hidden_size": HIDDEN,
        "output_channels": HIDDEN,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 2 * IMAGE,
        "patch_size": PATCH,
        "window_size": 4,
        "global_attn_indexes": [1],
        "mlp_dim": 2 * HIDDEN,
        "initializer_range": 0.1,
    }
    config = DeepseekVLHybridConfig(
        vision_config=_SIGLIP,
        high_res_vision_config=sam,
        text_config=LlamaConfig(**language_model_sizes(tokenizer)),
        image_token_id=token_id(tokenizer, "<image_placeholder>"),
    )
    with seeded():
        model = DeepseekVLHybridForConditionalGeneration(config)
    twice = {"height": 2 * IMAGE, "width": 2 * IMAGE}
    processor = DeepseekVLHybridProcessor(
        DeepseekVLHybridImageProcessor(size=_SQUARE, high_res_size=twice),
        tokenizer,
        chat_template("<image_placeholder>"),
        num_image_tokens=SIDE**2,
    )
    return save(folder, model, processor)


def tiny_janus(folder: Path) -> Path:
    """Write a random Janus of two layers."""
    tokenizer = byte_tokenizer(
        named={
            "image_token": "<image_placeholder>",
            "boi_token": "<begin_of_image>",
            "eoi_token": "<end_of_image>",
        }
    )
    config = JanusConfig(
        vision_config={
            **{name: value for name, value in _TOWER.items() if name != "intermediate_size"},
            "mlp_ratio": 2,
            "projection_dim": HIDDEN,
            "num_image_tokens": SIDE**2,
        },
        text_config=LlamaConfig(**language_model_sizes(tokenizer)),
        vq_config={
            "embed_dim": 8,
            "num_embeddings": 16,
            "latent_channels": HIDDEN,
            "base_channels": HIDDEN,
            "channel_multiplier": [1, 1],
            "num_res_blocks": 1,
            "projection_dim": HIDDEN,
            "image_token_embed_dim": HIDDEN,
        },
        image_token_id=token_id(tokenizer, "<image_placeholder>"),
    )
    with seeded():
        model = JanusForConditionalGeneration(config)
    processor = JanusProcessor(
        JanusImageProcessor(size=_SQUARE),
        tokenizer,
        chat_template=chat_template("<image_placeholder>"),
        num_image_tokens=SIDE**2,
    )
    return save(folder, model, processor)


def _clip() -> CLIPVisionConfig:
    return CLIPVisionConfig(**_TOWER, projection_dim=HIDDEN, initializer_range=0.1)


BUILDERS: dict[str, Callable[[Path], Path]] = {
    "vipllava": tiny_vipllava,
    "video_llava": tiny_video_llava,
    "paligemma": tiny_paligemma,
    "gemma3": tiny_gemma3,
    "deepseek_vl": tiny_deepseek_vl,
    "deepseek_vl_hybrid": tiny_deepseek_vl_hybrid,
    "janus": tiny_janus,
}
