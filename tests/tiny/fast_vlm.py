"""Tiny checkpoint of FastVLM."""

from pathlib import Path

import torch
from transformers import (
    CLIPImageProcessor,
    FastVlmConfig,
    FastVlmForConditionalGeneration,
    LlamaConfig,
    LlavaProcessor,
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

CELL = 32
PIXELS = 256
WIDTH = 256


def tiny_fast_vlm(
    folder: Path, architecture: str = "test_efficientnet", width: int = WIDTH
) -> Path:
    """Write a random FastVLM of two layers, 8 × 8 tokens, with timm's smallest EfficientNet.

    Another ``architecture`` of timm has its own ``width`` of features.
    """
    tokenizer = byte_tokenizer(named={"image_token": "<image>"})
    config = FastVlmConfig(
        vision_config=TimmWrapperConfig(
            architecture=architecture, do_pooling=False, hidden_size=width
        ),
        text_config=LlamaConfig(**language_model_sizes(tokenizer)),
        image_token_index=token_id(tokenizer, "<image>"),
    )
    with seeded():
        model = FastVlmForConditionalGeneration(config)
        # The class's own initialisation leaves the tower's features at 1e-15: it would see nothing.
        for layer in model.model.vision_tower.modules():
            if isinstance(layer, torch.nn.Conv2d):
                torch.nn.init.kaiming_normal_(layer.weight)
    processor = LlavaProcessor(
        image_processor=CLIPImageProcessor(
            size={"height": PIXELS, "width": PIXELS}, do_center_crop=False
        ),
        tokenizer=tokenizer,
        patch_size=CELL,
        vision_feature_select_strategy="full",
        image_token="<image>",
        chat_template=chat_template("<image>"),
    )
    return save(folder, model, processor)


BUILDERS = {"fast_vlm": tiny_fast_vlm}
