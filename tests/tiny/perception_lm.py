"""Tiny checkpoint of PerceptionLM."""

from collections.abc import Callable
from pathlib import Path

from transformers import (
    LlamaConfig,
    PerceptionLMConfig,
    PerceptionLMForConditionalGeneration,
    PerceptionLMImageProcessor,
    PerceptionLMProcessor,
    PerceptionLMVideoProcessor,
    TimmWrapperConfig,
)

from tests.tiny.parts import (
    byte_tokenizer,
    chat_template,
    language_model_sizes,
    save,
    seeded,
    token_id,
)

PATCH = 14
CELL = 2 * PATCH
TILE = 2 * CELL


def tiny_perception_lm(folder: Path) -> Path:
    """Write a random PerceptionLM of two layers: 2 × 2 tokens in a tile, six tiles at most."""
    tokenizer = byte_tokenizer(named={"image_token": "<|image|>", "video_token": "<|video|>"})
    config = PerceptionLMConfig(
        vision_config=TimmWrapperConfig(
            architecture="vit_pe_core_large_patch14_336",
            do_pooling=True,
            num_labels=1,
            model_args={
                "embed_dim": 64,
                "img_size": [TILE, TILE],
                "depth": 1,
                "num_heads": 2,
                "global_pool": "",
                "use_post_transformer_norm": False,
                "init_values": 0.1,
                "ref_feat_shape": [TILE // PATCH, TILE // PATCH],
            },
        ),
        text_config=LlamaConfig(**language_model_sizes(tokenizer)),
        image_token_id=token_id(tokenizer, "<|image|>"),
        video_token_id=token_id(tokenizer, "<|video|>"),
        projector_pooling_ratio=2,
    )
    with seeded():
        model = PerceptionLMForConditionalGeneration(config)
    processor = PerceptionLMProcessor(
        video_processor=PerceptionLMVideoProcessor(size={"height": TILE, "width": TILE}),
        image_processor=PerceptionLMImageProcessor(tile_size=TILE, max_num_tiles=6),
        tokenizer=tokenizer,
        patch_size=PATCH,
        pooling_ratio=2,
        chat_template=chat_template("<|image|>", "<|video|>"),
    )
    return save(folder, model, processor)


BUILDERS: dict[str, Callable[[Path], Path]] = {"perception_lm": tiny_perception_lm}
