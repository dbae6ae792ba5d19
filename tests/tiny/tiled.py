"""Tiny checkpoints of families whose prompts do not give the arrangement of the tiles."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import (
    AyaVisionConfig,
    AyaVisionForConditionalGeneration,
    AyaVisionProcessor,
    Cohere2Config,
    Cohere2VisionConfig,
    Cohere2VisionForConditionalGeneration,
    Cohere2VisionImageProcessor,
    Cohere2VisionProcessor,
    GotOcr2ImageProcessor,
    InternVLConfig,
    InternVLForConditionalGeneration,
    InternVLProcessor,
    InternVLVideoProcessor,
    InternVLVisionConfig,
    QianfanOCRConfig,
    QianfanOCRForConditionalGeneration,
    QianfanOCRProcessor,
    QianfanOCRVisionConfig,
    SiglipVisionConfig,
)

from tests.tiny.parts import (
    HIDDEN,
    byte_tokenizer,
    chat_template,
    language_model,
    language_model_sizes,
    save,
    seeded,
    token_id,
)

CELL = 28
TILE = 56
_TILE = {"height": TILE, "width": TILE}


def tiny_internvl(folder: Path) -> Path:
    """Write a random InternVL 3 of two layers: 2 × 2 tokens in a tile, six tiles at most."""
    classes = (InternVLConfig, InternVLForConditionalGeneration, InternVLProcessor)
    clips = {"video_processor": InternVLVideoProcessor(size=_TILE)}
    return _internvl(folder, classes, InternVLVisionConfig, "<IMG_CONTEXT>", clips)


def tiny_qianfan_ocr(folder: Path) -> Path:
    """Write a random Qianfan-OCR of two layers: 2 × 2 tokens in a tile, six tiles at most."""
    classes = (QianfanOCRConfig, QianfanOCRForConditionalGeneration, QianfanOCRProcessor)
    return _internvl(folder, classes, QianfanOCRVisionConfig, "<image>", {})


def _internvl(
    folder: Path, classes: tuple[Any, ...], tower: Any, image: str, clips: dict[str, Any]
) -> Path:
    config_class, model_class, processor_class = classes
    tokenizer = byte_tokenizer(
        named={
            "start_image_token": "<img>",
            "end_image_token": "</img>",
            "context_image_token": "<IMG_CONTEXT>",
            "video_token": "<video>",
        }
    )
    vision = tower(
        hidden_size=HIDDEN,
        intermediate_size=2 * HIDDEN,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=TILE,
        patch_size=CELL // 2,
    )
    config = config_class(
        text_config=language_model(tokenizer),
        vision_config=vision,
        image_token_id=token_id(tokenizer, "<IMG_CONTEXT>"),
        image_seq_length=4,
    )
    with seeded():
        model = model_class(config)
    processor = processor_class(
        image_processor=GotOcr2ImageProcessor(size=_TILE, crop_to_patches=True, max_patches=6),
        tokenizer=tokenizer,
        image_seq_length=4,
        chat_template=chat_template(f"{image}\n", "<video>\n"),
        **clips,
    )
    return save(folder, model, processor)


def tiny_aya_vision(folder: Path) -> Path:
    """Write a random Aya Vision of two layers: 2 × 2 tokens in a tile, six tiles at most."""
    markers = ["<image>", "<|START_OF_IMG|>", "<|END_OF_IMG|>", "<|IMG_PATCH|>"]
    tokenizer = byte_tokenizer(markers)
    config = AyaVisionConfig(
        vision_config=_siglip(),
        text_config=Cohere2Config(**language_model_sizes(tokenizer)),
        image_token_index=token_id(tokenizer, "<|IMG_PATCH|>"),
    )
    with seeded():
        model = AyaVisionForConditionalGeneration(config)
    processor = AyaVisionProcessor(
        image_processor=GotOcr2ImageProcessor(size=_TILE, crop_to_patches=True, max_patches=6),
        tokenizer=tokenizer,
        patch_size=CELL // 2,
        img_size=TILE,
        downsample_factor=2,
        chat_template=chat_template("<image>"),
    )
    return save(folder, model, processor)


def tiny_cohere2_vision(folder: Path) -> Path:
    """Write a random Cohere2 Vision of two layers: 2 × 2 tokens in a tile, six tiles at most."""
    tokenizer = byte_tokenizer(
        named={
            "boi_token": "<|START_OF_IMG|>",
            "eoi_token": "<|END_OF_IMG|>",
            "image_token": "<|IMG_PATCH|>",
            "img_line_break_token": "<|IMG_LINE_BREAK|>",
        }
    )
    config = Cohere2VisionConfig(
        vision_config=_siglip(),
        text_config=Cohere2Config(**language_model_sizes(tokenizer)),
        image_token_id=token_id(tokenizer, "<|IMG_PATCH|>"),
        alignment_intermediate_size=2 * HIDDEN,
    )
    with seeded():
        model = Cohere2VisionForConditionalGeneration(config)
    # The processor's patch size is what it calls the number of tokens along a tile's side.
    image_processor = Cohere2VisionImageProcessor(
        size=_TILE, crop_to_patches=True, max_patches=6, patch_size=2
    )
    processor = Cohere2VisionProcessor(
        image_processor=image_processor,
        tokenizer=tokenizer,
        chat_template=chat_template("<|IMG_PATCH|>"),
    )
    return save(folder, model, processor)


def _siglip() -> SiglipVisionConfig:
    return SiglipVisionConfig(
        hidden_size=HIDDEN,
        intermediate_size=2 * HIDDEN,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=TILE,
        patch_size=CELL // 2,
        vision_use_head=False,
    )


BUILDERS: dict[str, Callable[[Path], Path]] = {
    "internvl": tiny_internvl,
    "qianfan_ocr": tiny_qianfan_ocr,
    "aya_vision": tiny_aya_vision,
    "cohere2_vision": tiny_cohere2_vision,
}
