"""The small model's configuration: real Qwen2-VL classes with a few million parameters."""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tam.scenes.batch import patches, stills
from tam.scenes.tokens import MERGE_SIZE, PATCH_SIZE, TEMPORAL_PATCH_SIZE
from tam.scenes.world import make_scene

if TYPE_CHECKING:
    from transformers import (
        PreTrainedTokenizerFast,
        Qwen2VLConfig,
        Qwen2VLForConditionalGeneration,
    )


VISION_WIDTH = 128
"""Width of the vision tower."""
TEXT_LAYERS = 4
"""Decoder layers."""
VISION_LAYERS = 4
"""Layers of the vision tower."""


def small_config(tokenizer: "PreTrainedTokenizerFast") -> "Qwen2VLConfig":
    """Return the configuration of the small model for a tokenizer's ids."""
    from transformers import Qwen2VLConfig

    ids = tokenizer.get_vocab()
    width = 160
    return Qwen2VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": width,
            "intermediate_size": 432,
            "num_hidden_layers": TEXT_LAYERS,
            "num_attention_heads": 5,
            "num_key_value_heads": 5,
            "max_position_embeddings": 4096,
            "rms_norm_eps": 1e-6,
            "initializer_range": 0.05,
            # Heads are narrow and pictures have few cells: a small base and equal sections keep
            # the rotations of height and width distinct within 16 cells.
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 60.0,
                "mrope_section": [2, 7, 7],
            },
            "bos_token_id": None,
            "eos_token_id": ids["<|im_end|>"],
            "pad_token_id": ids["<|endoftext|>"],
        },
        vision_config={
            "depth": VISION_LAYERS,
            "embed_dim": VISION_WIDTH,
            "num_heads": 4,
            "mlp_ratio": 4,
            "hidden_size": width,
            "patch_size": PATCH_SIZE,
            "spatial_merge_size": MERGE_SIZE,
            "temporal_patch_size": TEMPORAL_PATCH_SIZE,
            "initializer_range": 0.05,
            "rope_parameters": {"rope_type": "axial", "rope_theta": 100.0},
        },
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
        tie_word_embeddings=False,
    )


def new_model(tokenizer: "PreTrainedTokenizerFast", seed: int) -> "Qwen2VLForConditionalGeneration":
    """Return a model with random weights drawn from a seed."""
    import torch
    from transformers import GenerationConfig, Qwen2VLForConditionalGeneration

    torch.manual_seed(seed)
    config = small_config(tokenizer)
    model = Qwen2VLForConditionalGeneration(config)
    embedding = torch.from_numpy(patch_embedding(VISION_WIDTH))
    with torch.no_grad():
        model.model.visual.patch_embed.proj.weight.copy_(embedding)
    model.generation_config = GenerationConfig.from_dict(
        {
            "do_sample": False,
            "max_new_tokens": 64,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
        }
    )
    return model


@cache
def patch_embedding(width: int) -> NDArray[np.float32]:
    """Return initial weights of the patch embedding, float32 [width, 3, T, p, p]: whitened cosines.

    Random weights would mostly respond to a patch's mean color, by far its largest component, and
    hardly to edges. So each channel is initialized with one two-dimensional cosine (DCT-II) of the
    brightness (half of the channels) or of one of two color differences, low frequencies first,
    divided by its standard deviation over a few training scenes.
    """
    p = PATCH_SIZE
    steps = np.arange(p)
    cosines = np.cos(np.pi * (steps + 0.5) * steps[:, None] / p) * np.sqrt(2 / p)
    cosines[0] /= np.sqrt(2)
    mixes = np.array([[1, 1, 1], [1, -1, 0], [0.5, 0.5, -1]])
    mixes /= np.linalg.norm(mixes, axis=1, keepdims=True)
    order = sorted(((u, v) for u in steps for v in steps), key=lambda uv: uv[0] ** 2 + uv[1] ** 2)
    filters = [
        np.einsum("c,i,j->cij", mix, cosines[u], cosines[v])
        for mix, count in zip(mixes, (width // 2, width // 4, width // 4), strict=True)
        for u, v in order[:count]
    ]
    weights = np.stack(filters)[:, :, None].repeat(TEMPORAL_PATCH_SIZE, 2) / TEMPORAL_PATCH_SIZE
    seen = patches(stills(np.stack([make_scene(seed, 64, 64).image for seed in range(100)])))
    deviation = (seen @ weights.reshape(width, -1).T).std(axis=0)
    # The offset keeps the highest frequencies, which are mostly noise, small.
    return np.asarray(weights / (deviation + 0.15)[:, None, None, None, None], np.float32)
