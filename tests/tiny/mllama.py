"""Tiny checkpoint of Mllama (Llama 3.2 Vision)."""

from collections.abc import Callable
from pathlib import Path

from transformers import (
    MllamaConfig,
    MllamaForConditionalGeneration,
    MllamaImageProcessor,
    MllamaProcessor,
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
SIDE = 3
TILE = SIDE * PATCH
MAX_TILES = 4


def tiny_mllama(folder: Path) -> Path:
    """Write a random Mllama of three layers, the second with cross-attention: 3 × 3 patches."""
    tokenizer = byte_tokenizer(["<|image|>"], named={"image_token": "<|image|>"})
    text = {
        **language_model_sizes(tokenizer),
        "num_hidden_layers": 3,
        "cross_attention_layers": [1],
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
    }
    config = MllamaConfig(
        text_config=text,
        vision_config={
            "hidden_size": HIDDEN,
            "intermediate_size": 2 * HIDDEN,
            "num_hidden_layers": 2,
            "num_global_layers": 1,
            "attention_heads": 2,
            "vision_output_dim": 2 * HIDDEN,
            "intermediate_layers_indices": [0],
            "image_size": TILE,
            "patch_size": PATCH,
            "max_num_tiles": MAX_TILES,
            "supported_aspect_ratios": [
                [w, h] for w in range(1, 5) for h in range(1, 5) if w * h <= MAX_TILES
            ],
            "initializer_range": 0.1,
        },
        image_token_index=token_id(tokenizer, "<|image|>"),
    )
    with seeded():
        model = MllamaForConditionalGeneration(config)
        # Published gates are trained; those of a new model are 0, so that no picture is read.
        for name, weight in model.named_parameters():
            if "attn_gate" in name or "mlp_gate" in name:
                weight.data.fill_(1.0)
    processor = MllamaProcessor(
        MllamaImageProcessor(size={"height": TILE, "width": TILE}, max_image_tiles=MAX_TILES),
        tokenizer,
        chat_template=chat_template("<|image|>"),
    )
    return save(folder, model, processor)


BUILDERS: dict[str, Callable[[Path], Path]] = {"mllama": tiny_mllama}
