"""Tiny checkpoint of Phi-4 multimodal."""

from collections.abc import Callable
from pathlib import Path

from transformers import (
    Phi4MultimodalAudioConfig,
    Phi4MultimodalConfig,
    Phi4MultimodalFeatureExtractor,
    Phi4MultimodalForCausalLM,
    Phi4MultimodalImageProcessor,
    Phi4MultimodalProcessor,
    Phi4MultimodalVisionConfig,
)

from tests.tiny.parts import (
    HIDDEN,
    byte_tokenizer,
    language_model_sizes,
    save,
    seeded,
    token_id,
)

PATCH = 2
CELL = 2 * PATCH
TILE = 16 * CELL
"""A tile has 16 × 16 tokens, the number that the processor assumes for the thumbnail."""


def tiny_phi4_multimodal(folder: Path) -> Path:
    """Write a random Phi-4 multimodal of two layers: 16 × 16 tokens in a tile, two at most."""
    named = {"image_token": "<|image|>", "audio_token": "<|audio|>"}
    tokenizer = byte_tokenizer(["<|user|>", "<|assistant|>", "<|system|>", "<|end|>"], named)
    config = Phi4MultimodalConfig(
        **{**language_model_sizes(tokenizer), "original_max_position_embeddings": 100_000},
        vision_config=Phi4MultimodalVisionConfig(
            hidden_size=HIDDEN,
            intermediate_size=2 * HIDDEN,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=TILE,
            crop_size=TILE,
            patch_size=PATCH,
            image_token_id=token_id(tokenizer, "<|image|>"),
        ),
        audio_config=Phi4MultimodalAudioConfig(
            hidden_size=HIDDEN,
            intermediate_size=HIDDEN,
            num_blocks=1,
            num_attention_heads=2,
            ext_pw_out_channel=HIDDEN,
            depthwise_separable_out_channel=HIDDEN,
            nemo_conv_channels=8,
            audio_token_id=token_id(tokenizer, "<|audio|>"),
        ),
    )
    with seeded():
        model = Phi4MultimodalForCausalLM(config)
        # They are zero at first, and so like each other.
        embedding = model.model.embed_tokens_extend.image_embed
        embedding.global_img_feature_extensor.data.normal_()
        embedding.sub_img_feature_extensor.data.normal_()
    size = {"height": TILE, "width": TILE}
    processor = Phi4MultimodalProcessor(
        image_processor=Phi4MultimodalImageProcessor(size=size, patch_size=PATCH, dynamic_hd=2),
        audio_processor=Phi4MultimodalFeatureExtractor(),
        tokenizer=tokenizer,
    )
    return save(folder, model, processor)


BUILDERS: dict[str, Callable[[Path], Path]] = {"phi4_multimodal": tiny_phi4_multimodal}
