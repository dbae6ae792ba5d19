"""Random models of real size, built from their configuration: nothing is downloaded."""

import numpy as np
import torch
from transformers import (
    AutoConfig,
    AutoProcessor,
    GenerationConfig,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
)

import tam
from tam.conversation import Conversation, question
from tam.media.media import image_from_array
from tam.scenes.shipped import weights_folder

VOCABULARY = 151_936


def qwen2_vl_2b(layers: int, vision_tokens: int, dtype: torch.dtype, device: str) -> tam.Model:
    """A Qwen2-VL with the language model of the 2B checkpoint, by its published configuration.

    Parameters
    ----------
    layers
        Of the language model, 28 in the checkpoint.
    vision_tokens
        Most of them that a picture has.

    The vision tower is narrow and has one layer: what explaining costs does not hang on it. The
    processor is the small model's, with patches as large as the checkpoint's.
    """
    folder = weights_folder("small")
    small = AutoConfig.from_pretrained(folder)
    markers = ("image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id")
    config = Qwen2VLConfig(
        text_config={
            "vocab_size": VOCABULARY,
            "hidden_size": 1536,
            "intermediate_size": 8960,
            "num_hidden_layers": layers,
            "num_attention_heads": 12,
            "num_key_value_heads": 2,
            "max_position_embeddings": 32768,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 1_000_000.0,
                "mrope_section": [16, 24, 24],
            },
            "bos_token_id": None,
            "eos_token_id": None,
            "pad_token_id": None,
        },
        vision_config={"depth": 1, "embed_dim": 64, "num_heads": 1, "hidden_size": 1536},
        tie_word_embeddings=True,
        **{name: getattr(small, name) for name in markers},
    )
    torch.manual_seed(0)
    torch.set_default_dtype(dtype)
    with torch.device(device):
        module = Qwen2VLForConditionalGeneration(config)
    torch.set_default_dtype(torch.float32)
    end = small.get_text_config().eos_token_id
    module.generation_config = GenerationConfig(do_sample=False, eos_token_id=end, pad_token_id=end)
    processor = AutoProcessor.from_pretrained(folder)
    images = processor.image_processor
    images.patch_size, images.merge_size = 14, 2
    images.size = {"shortest_edge": 28 * 28, "longest_edge": vision_tokens * 28 * 28}
    return tam.wrap(module, processor)


def asked(rows: int, columns: int) -> Conversation:
    """A question about a picture of noise that has ``rows * columns`` vision tokens."""
    pixels = np.random.default_rng(0).integers(0, 255, (28 * rows, 28 * columns, 3), dtype=np.uint8)
    return question([image_from_array(pixels, "noise")], "Describe this image.")
