"""Tiny checkpoints of families whose processor returns patch counts (t, h, w)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import (
    Exaone4_5_Config,
    Exaone4_5_ForConditionalGeneration,
    Exaone4_5_Processor,
    Glm4vConfig,
    Glm4vForConditionalGeneration,
    Glm4vImageProcessor,
    Glm4vMoeConfig,
    Glm4vMoeForConditionalGeneration,
    Glm4vProcessor,
    Glm4vVideoProcessor,
    Glm46VConfig,
    Glm46VForConditionalGeneration,
    Glm46VImageProcessor,
    Glm46VProcessor,
    Glm46VVideoProcessor,
    GlmgaConfig,
    GlmgaImageProcessor,
    GlmgaVideoProcessor,
    GlmOcrConfig,
    GlmOcrForConditionalGeneration,
    PaddleOCRVLConfig,
    PaddleOCRVLForConditionalGeneration,
    PaddleOCRVLImageProcessor,
    PaddleOCRVLProcessor,
    PreTrainedTokenizerFast,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
    Qwen3_5Config,
    Qwen3_5ForConditionalGeneration,
    Qwen3_5MoeConfig,
    Qwen3_5MoeForConditionalGeneration,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLMoeConfig,
    Qwen3VLMoeForConditionalGeneration,
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

QWEN_CELL = 32
GLM_CELL = 28
MAX_TOKENS = 64

_QWEN_IDS = {
    "image_token_id": "<|image_pad|>",
    "video_token_id": "<|video_pad|>",
    "vision_start_token_id": "<|vision_start|>",
    "vision_end_token_id": "<|vision_end|>",
}
_GLM_IDS = {
    "image_token_id": "<|image|>",
    "video_token_id": "<|video|>",
    "image_start_token_id": "<|begin_of_image|>",
    "image_end_token_id": "<|end_of_image|>",
    "video_start_token_id": "<|begin_of_video|>",
    "video_end_token_id": "<|end_of_video|>",
}
_QWEN_EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": HIDDEN}
_GLM_EXPERTS = {
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": HIDDEN,
    "first_k_dense_replace": 1,
    # Half of each head is rotated.
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
}
_LINEAR = {
    "layer_types": ["linear_attention", "full_attention"],
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
}


def tiny_qwen3_vl(folder: Path) -> Path:
    """Write a random Qwen3-VL of two layers whose decoder also reads the tower's first layer."""
    vision = {"deepstack_visual_indexes": [0]}
    return _qwen(folder, Qwen3VLConfig, Qwen3VLForConditionalGeneration, {}, vision)


def tiny_qwen3_vl_moe(folder: Path) -> Path:
    """Write a random Qwen3-VL of two layers with four experts in each."""
    vision = {"deepstack_visual_indexes": [0]}
    model = Qwen3VLMoeForConditionalGeneration
    return _qwen(folder, Qwen3VLMoeConfig, model, _QWEN_EXPERTS, vision)


def tiny_qwen3_5(folder: Path) -> Path:
    """Write a random Qwen3.5 of one linear and one full layer."""
    return _qwen(folder, Qwen3_5Config, Qwen3_5ForConditionalGeneration, _LINEAR, {})


def tiny_qwen3_5_moe(folder: Path) -> Path:
    """Write a random Qwen3.5 of one linear and one full layer with four experts in each."""
    text = {**_LINEAR, **_QWEN_EXPERTS, "shared_expert_intermediate_size": HIDDEN}
    return _qwen(folder, Qwen3_5MoeConfig, Qwen3_5MoeForConditionalGeneration, text, {})


def tiny_glm4v(folder: Path) -> Path:
    """Write a random GLM-4.1V of two layers."""
    classes = (Glm4vProcessor, Glm4vImageProcessor, Glm4vVideoProcessor)
    return _glm(folder, Glm4vConfig, Glm4vForConditionalGeneration, classes, {})


def tiny_glm4v_moe(folder: Path) -> Path:
    """Write a random GLM-4.5V of one dense layer and one with four experts."""
    classes = (Glm4vProcessor, Glm4vImageProcessor, Glm4vVideoProcessor)
    return _glm(folder, Glm4vMoeConfig, Glm4vMoeForConditionalGeneration, classes, _GLM_EXPERTS)


def tiny_glm46v(folder: Path) -> Path:
    """Write a random GLM-4.6V of two layers."""
    classes = (Glm46VProcessor, Glm46VImageProcessor, Glm46VVideoProcessor)
    return _glm(folder, Glm46VConfig, Glm46VForConditionalGeneration, classes, {})


def tiny_glm_ocr(folder: Path) -> Path:
    """Write a random GLM-OCR of two layers."""
    classes = (Glm46VProcessor, Glm46VImageProcessor, Glm46VVideoProcessor)
    return _glm(folder, GlmOcrConfig, GlmOcrForConditionalGeneration, classes, {})


def tiny_glmga(folder: Path) -> Path:
    """Write a random GLM-4.6V of two layers under its other name, with other processors."""
    classes = (Glm46VProcessor, GlmgaImageProcessor, GlmgaVideoProcessor)
    return _glm(folder, GlmgaConfig, Glm46VForConditionalGeneration, classes, {})


def tiny_paddleocr_vl(folder: Path) -> Path:
    """Write a random PaddleOCR-VL of two layers."""
    tokenizer = byte_tokenizer(
        ["<|IMAGE_START|>", "<|IMAGE_END|>"], named={"image_token": "<|IMAGE_PLACEHOLDER|>"}
    )
    config = PaddleOCRVLConfig(
        text_config={**_text(tokenizer), "head_dim": 8},
        vision_config={
            "hidden_size": HIDDEN,
            "intermediate_size": 2 * HIDDEN,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": 112,
        },
        image_token_id=token_id(tokenizer, "<|IMAGE_PLACEHOLDER|>"),
        vision_start_token_id=token_id(tokenizer, "<|IMAGE_START|>"),
        vision_end_token_id=token_id(tokenizer, "<|IMAGE_END|>"),
        video_token_id=-1,
        tie_word_embeddings=False,
    )
    with seeded():
        model = PaddleOCRVLForConditionalGeneration(config)
    processor = PaddleOCRVLProcessor(
        PaddleOCRVLImageProcessor(size=_size(GLM_CELL)),
        tokenizer,
        chat_template=chat_template("<|IMAGE_START|><|IMAGE_PLACEHOLDER|><|IMAGE_END|>"),
    )
    return save(folder, model, processor)


def tiny_exaone4_5(folder: Path) -> Path:
    """Write a random EXAONE 4.5 of two layers, with windows of 2 × 2 tokens in its first."""
    tokenizer = byte_tokenizer(list(_QWEN_IDS.values()))
    config = Exaone4_5_Config(
        text_config={
            **language_model_sizes(tokenizer),
            "model_type": "exaone4",
            "sliding_window": None,
            "layer_types": ["full_attention", "full_attention"],
        },
        vision_config={
            **_vision(),
            "num_key_value_heads": 1,
            "window_size": 2 * GLM_CELL,
            "fullatt_block_indexes": [1],
        },
        image_token_id=token_id(tokenizer, "<|image_pad|>"),
        video_token_id=token_id(tokenizer, "<|video_pad|>"),
    )
    with seeded():
        model = Exaone4_5_ForConditionalGeneration(config)
    size = _size(GLM_CELL)
    processor = Exaone4_5_Processor(
        Qwen2VLImageProcessor(size=size),
        tokenizer,
        Qwen2VLVideoProcessor(size=size, cap_pixels_per_frame=False),
        chat_template=chat_template(
            "<|vision_start|><|image_pad|><|vision_end|>",
            "<|vision_start|><|video_pad|><|vision_end|>",
        ),
    )
    return save(folder, model, processor)


def _qwen(
    folder: Path,
    config: Any,
    model: Any,
    text: dict[str, Any],
    vision: dict[str, Any],
) -> Path:
    tokenizer = byte_tokenizer(list(_QWEN_IDS.values()))
    built = config(
        text_config={**_text(tokenizer), "head_dim": 16, **text},
        vision_config={**_vision(), "num_position_embeddings": 64, **vision},
        **{name: token_id(tokenizer, token) for name, token in _QWEN_IDS.items()},
    )
    with seeded():
        module = model(built)
    size = _size(QWEN_CELL)
    processor = Qwen3VLProcessor(
        Qwen2VLImageProcessor(size=size, patch_size=16),
        tokenizer,
        Qwen3VLVideoProcessor(size=size, cap_pixels_per_frame=False),
        chat_template=chat_template(
            "<|vision_start|><|image_pad|><|vision_end|>",
            "<|vision_start|><|video_pad|><|vision_end|>",
        ),
    )
    return save(folder, module, processor)


def _glm(folder: Path, config: Any, model: Any, classes: tuple[Any, ...], text: Any) -> Path:
    tokenizer = byte_tokenizer(list(_GLM_IDS.values()))
    built = config(
        text_config={**_text(tokenizer), **text},
        vision_config={**_vision(), "image_size": 112, "patch_size": 14},
        **{name: token_id(tokenizer, token) for name, token in _GLM_IDS.items()},
    )
    with seeded():
        module = model(built)
    processor_class, image_processor, video_processor = classes
    size = _size(GLM_CELL)
    processor = processor_class(
        image_processor(size=size),
        tokenizer,
        video_processor(size=size),
        chat_template=chat_template(
            "<|begin_of_image|><|image|><|end_of_image|>",
            "<|begin_of_video|><|video|><|end_of_video|>",
        ),
    )
    return save(folder, module, processor)


def _text(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 1, 1]}
    return {**language_model_sizes(tokenizer), "rope_parameters": rope}


def _vision() -> dict[str, Any]:
    return {
        "depth": 2,
        "hidden_size": HIDDEN,
        "num_heads": 2,
        "intermediate_size": 2 * HIDDEN,
        "out_hidden_size": HIDDEN,
        "initializer_range": 0.1,
    }


def _size(cell: int) -> dict[str, int]:
    return {"shortest_edge": 4 * cell**2, "longest_edge": MAX_TOKENS * cell**2}


BUILDERS: dict[str, Callable[[Path], Path]] = {
    "qwen3_vl": tiny_qwen3_vl,
    "qwen3_vl_moe": tiny_qwen3_vl_moe,
    "qwen3_5": tiny_qwen3_5,
    "qwen3_5_moe": tiny_qwen3_5_moe,
    "glm4v": tiny_glm4v,
    "glm4v_moe": tiny_glm4v_moe,
    "glm46v": tiny_glm46v,
    "glm_ocr": tiny_glm_ocr,
    "glmga": tiny_glmga,
    "paddleocr_vl": tiny_paddleocr_vl,
    "exaone4_5": tiny_exaone4_5,
}
