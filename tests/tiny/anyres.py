"""Tiny checkpoints of families that show a picture at any resolution."""

from collections.abc import Callable
from pathlib import Path

from transformers import (
    CLIPVisionConfig,
    Granite4VisionConfig,
    Granite4VisionForConditionalGeneration,
    Granite4VisionProcessor,
    LlavaNextConfig,
    LlavaNextForConditionalGeneration,
    LlavaNextImageProcessor,
    LlavaNextProcessor,
    LlavaNextVideoConfig,
    LlavaNextVideoForConditionalGeneration,
    LlavaNextVideoProcessor,
    LlavaNextVideoVideoProcessor,
    LlavaOnevisionConfig,
    LlavaOnevisionForConditionalGeneration,
    LlavaOnevisionImageProcessor,
    LlavaOnevisionProcessor,
    LlavaOnevisionVideoProcessor,
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

CELL = 14
TILE = 4 * CELL
PINPOINTS = [[TILE * rows, TILE * columns] for rows, columns in [(1, 2), (2, 1), (2, 2), (3, 1)]]


def tiny_llava_next(folder: Path) -> Path:
    """Write a random LLaVA-NeXT of two layers: 4 × 4 tokens in a tile."""
    tokenizer = byte_tokenizer(["<image>"])
    config = LlavaNextConfig(
        vision_config=_clip(),
        text_config=language_model(tokenizer),
        image_token_index=token_id(tokenizer, "<image>"),
        image_grid_pinpoints=PINPOINTS,
    )
    with seeded():
        model = LlavaNextForConditionalGeneration(config)
    processor = LlavaNextProcessor(
        image_processor=_next_images(),
        tokenizer=tokenizer,
        patch_size=CELL,
        vision_feature_select_strategy="default",
        chat_template=chat_template("<image>\n"),
        num_additional_image_tokens=1,
    )
    return save(folder, model, processor)


def tiny_llava_next_video(folder: Path) -> Path:
    """Write a random LLaVA-NeXT-Video of two layers: 2 × 2 tokens in a frame."""
    tokenizer = byte_tokenizer(["<image>", "<video>"])
    config = LlavaNextVideoConfig(
        vision_config=_clip(),
        text_config=language_model(tokenizer),
        image_token_index=token_id(tokenizer, "<image>"),
        video_token_index=token_id(tokenizer, "<video>"),
        image_grid_pinpoints=PINPOINTS,
    )
    with seeded():
        model = LlavaNextVideoForConditionalGeneration(config)
    crop = {"height": TILE, "width": TILE}
    processor = LlavaNextVideoProcessor(
        video_processor=LlavaNextVideoVideoProcessor(size={"shortest_edge": TILE}, crop_size=crop),
        image_processor=_next_images(),
        tokenizer=tokenizer,
        patch_size=CELL,
        vision_feature_select_strategy="default",
        chat_template=chat_template("<image>\n", "<video>\n"),
        num_additional_image_tokens=1,
    )
    return save(folder, model, processor)


def tiny_llava_onevision(folder: Path, *, tile: int = TILE) -> Path:
    """Write a random LLaVA-OneVision of two layers.

    Canvases of more than one tile's worth of tokens are shrunk to it.
    """
    tokenizer = byte_tokenizer(["<image>", "<video>"])
    pinpoints = [[tile * rows, tile * columns] for rows in range(1, 5) for columns in range(1, 5)]
    config = LlavaOnevisionConfig(
        vision_config=SiglipVisionConfig(
            hidden_size=HIDDEN,
            intermediate_size=2 * HIDDEN,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=tile,
            patch_size=CELL,
            vision_use_head=False,
        ),
        text_config=language_model(tokenizer),
        image_token_index=token_id(tokenizer, "<image>"),
        video_token_index=token_id(tokenizer, "<video>"),
        image_grid_pinpoints=pinpoints,
        vision_aspect_ratio="anyres_max_4",
    )
    with seeded():
        model = LlavaOnevisionForConditionalGeneration(config)
    size = {"height": tile, "width": tile}
    processor = LlavaOnevisionProcessor(
        image_processor=LlavaOnevisionImageProcessor(size=size, image_grid_pinpoints=pinpoints),
        tokenizer=tokenizer,
        video_processor=LlavaOnevisionVideoProcessor(size=size),
        num_image_tokens=(tile // CELL) ** 2,
        vision_feature_select_strategy="full",
        chat_template=chat_template("<image>\n", "<video>\n"),
        vision_aspect_ratio="anyres_max_4",
    )
    return save(folder, model, processor)


def tiny_granite4_vision(folder: Path) -> Path:
    """Write a random Granite 4 Vision of two layers: windows of 4 × 4 patches make 2 × 2 tokens."""
    tokenizer = byte_tokenizer(["<image>"])
    pinpoints = [[side * 2 for side in resolution] for resolution in PINPOINTS]
    width = 64  # a head of its window transformer has 64 numbers
    config = Granite4VisionConfig(
        vision_config=SiglipVisionConfig(
            hidden_size=width,
            intermediate_size=width,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=2 * TILE,
            patch_size=CELL,
            vision_use_head=False,
        ),
        text_config={**language_model_sizes(tokenizer), "logits_scaling": 2.0},
        qformer_config={"intermediate_size": width, "num_hidden_layers": 1},
        image_token_index=token_id(tokenizer, "<image>"),
        image_grid_pinpoints=pinpoints,
        vision_feature_select_strategy="full",
        downsample_rate="2/4",
        deepstack_layer_map=[[-1, 0]],
        spatial_vision_layer=-2,
        spatial_target_layers=[1],
        projector_dropout=0.0,
    )
    with seeded():
        model = Granite4VisionForConditionalGeneration(config)
    processor = Granite4VisionProcessor(
        image_processor=LlavaNextImageProcessor(
            size={"shortest_edge": 2 * TILE},
            crop_size={"height": 2 * TILE, "width": 2 * TILE},
            image_grid_pinpoints=pinpoints,
        ),
        tokenizer=tokenizer,
        patch_size=CELL,
        vision_feature_select_strategy="full",
        chat_template=chat_template("<image>\n"),
        downsample_rate="2/4",
    )
    return save(folder, model, processor)


def _clip() -> CLIPVisionConfig:
    return CLIPVisionConfig(
        hidden_size=HIDDEN,
        intermediate_size=2 * HIDDEN,
        num_hidden_layers=3,
        num_attention_heads=2,
        image_size=TILE,
        patch_size=CELL,
        projection_dim=HIDDEN,
        initializer_range=0.1,
    )


def _next_images() -> LlavaNextImageProcessor:
    return LlavaNextImageProcessor(
        size={"shortest_edge": TILE},
        crop_size={"height": TILE, "width": TILE},
        image_grid_pinpoints=PINPOINTS,
    )


BUILDERS: dict[str, Callable[[Path], Path]] = {
    "llava_next": tiny_llava_next,
    "llava_next_video": tiny_llava_next_video,
    "llava_onevision": tiny_llava_onevision,
    "granite4_vision": tiny_granite4_vision,
}
