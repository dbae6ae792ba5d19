"""Tiny checkpoint of Gemma 3n."""

from collections.abc import Callable
from pathlib import Path

from transformers import (
    Gemma3nAudioFeatureExtractor,
    Gemma3nConfig,
    Gemma3nForConditionalGeneration,
    Gemma3nProcessor,
    SiglipImageProcessor,
)

from tests.tiny.parts import (
    byte_tokenizer,
    chat_template,
    language_model_sizes,
    save,
    seeded,
    token_id,
)

SIDE = 8
IMAGE = 32 * SIDE
WIDTH = 256
_TOKENS = {
    "image_token": "<image_soft_token>",
    "boi_token": "<start_of_image>",
    "eoi_token": "<end_of_image>",
    "audio_token": "<audio_soft_token>",
    "boa_token": "<start_of_audio>",
    "eoa_token": "<end_of_audio>",
}


def tiny_gemma3n(folder: Path) -> Path:
    """Write a random Gemma 3n of two layers on a small convolutional tower of timm."""
    tokenizer = byte_tokenizer(named=_TOKENS)
    config = Gemma3nConfig(
        text_config={
            **language_model_sizes(tokenizer),
            "head_dim": 8,
            "intermediate_size": [64, 64],
            "vocab_size_per_layer_input": len(tokenizer),
            "hidden_size_per_layer_input": 8,
            "num_kv_shared_layers": 0,
            "layer_types": ["sliding_attention", "full_attention"],
            "activation_sparsity_pattern": [0.0, 0.0],
            "laurel_rank": 8,
        },
        vision_config={
            "architecture": "test_efficientnet",
            "hidden_size": WIDTH,
            "vocab_size": 1,
            "vocab_offset": len(tokenizer),
        },
        audio_config={
            "hidden_size": 32,
            "conf_num_attention_heads": 2,
            "conf_num_hidden_layers": 1,
            "vocab_size": 1,
            "vocab_offset": len(tokenizer) + 1,
        },
        vision_soft_tokens_per_image=SIDE**2,
        image_token_id=token_id(tokenizer, "<image_soft_token>"),
        boi_token_id=token_id(tokenizer, "<start_of_image>"),
        eoi_token_id=token_id(tokenizer, "<end_of_image>"),
        audio_token_id=token_id(tokenizer, "<audio_soft_token>"),
        boa_token_id=token_id(tokenizer, "<start_of_audio>"),
        eoa_token_id=token_id(tokenizer, "<end_of_audio>"),
    )
    with seeded():
        model = Gemma3nForConditionalGeneration(config)
    processor = Gemma3nProcessor(
        Gemma3nAudioFeatureExtractor(),
        SiglipImageProcessor(size={"height": IMAGE, "width": IMAGE}),
        tokenizer,
        chat_template("<image_soft_token>"),
        image_seq_length=SIDE**2,
    )
    return save(folder, model, processor)


BUILDERS: dict[str, Callable[[Path], Path]] = {"gemma3n": tiny_gemma3n}
