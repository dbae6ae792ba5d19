"""Random models of real size, built from their configuration without any download."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from transformers import (
    AutoConfig,
    AutoProcessor,
    CLIPImageProcessor,
    GenerationConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
)

import tam
from tam.media.media import image_from_array
from tam.model.shipped import weights_folder
from tam.prompt.conversation import Conversation, question

VOCABULARY = 151_936
LLAVA_CELLS = 576
"""Vision tokens of every picture of LLaVA-1.5."""


def qwen2_vl_2b(layers: int, vision_tokens: int, dtype: torch.dtype, device: str) -> tam.Model:
    """A Qwen2-VL with the language model of the 2B checkpoint, by its published configuration.

    Parameters
    ----------
    layers
        The number of layers of the language model, 28 in the checkpoint.
    vision_tokens
        The largest number of vision tokens of a picture.

    The vision tower is narrow and has one layer, because the cost of explaining does not depend on
    it. The processor is the small model's, with patches as large as the checkpoint's.
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
    processor = AutoProcessor.from_pretrained(folder)
    images = processor.image_processor
    images.patch_size, images.merge_size = 14, 2
    images.size = {"shortest_edge": 28 * 28, "longest_edge": vision_tokens * 28 * 28}
    end = small.get_text_config().eos_token_id
    return _built(lambda: Qwen2VLForConditionalGeneration(config), processor, end, dtype, device)


def llava_7b(layers: int, vision_tokens: int, dtype: torch.dtype, device: str) -> tam.Model:
    """LLaVA-1.5-7B, language model and vision tower, by its published configuration.

    Parameters
    ----------
    layers
        The number of layers of the language model, 32 in the checkpoint.
    vision_tokens
        Must be 576.

    The tokenizer is the small model's, whose ids are among the checkpoint's 32064.
    """
    if vision_tokens != LLAVA_CELLS:
        raise ValueError(f"a picture has {LLAVA_CELLS} vision tokens, not {vision_tokens}")
    tokenizer = AutoProcessor.from_pretrained(weights_folder("small")).tokenizer
    image = "<|image_pad|>"
    end = tokenizer.eos_token_id
    config = LlavaConfig(
        text_config={
            "model_type": "llama",
            "vocab_size": 32064,
            "hidden_size": 4096,
            "intermediate_size": 11008,
            "num_hidden_layers": layers,
            "num_attention_heads": 32,
            "num_key_value_heads": 32,
            "max_position_embeddings": 4096,
        },
        vision_config={
            "model_type": "clip_vision_model",
            "hidden_size": 1024,
            "intermediate_size": 4096,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "image_size": 336,
            "patch_size": 14,
            "projection_dim": 768,
        },
        image_token_index=tokenizer.get_vocab()[image],
    )
    processor = LlavaProcessor(
        image_processor=CLIPImageProcessor(
            size={"shortest_edge": 336}, crop_size={"height": 336, "width": 336}
        ),
        tokenizer=tokenizer,
        patch_size=14,
        vision_feature_select_strategy="default",
        image_token=image,
        num_additional_image_tokens=1,
        chat_template="{% for message in messages %}{% for part in message['content'] %}"
        "{% if part['type'] == 'image' %}" + image + "{% else %}{{ part['text'] }}{% endif %}"
        "{% endfor %}{% endfor %}",
    )
    return _built(lambda: LlavaForConditionalGeneration(config), processor, end, dtype, device)


SHAPES: dict[str, Callable[[int, int, torch.dtype, str], tam.Model]] = {
    "qwen2-vl-2b": qwen2_vl_2b,
    "llava-1.5-7b": llava_7b,
}
"""Constructors of the models, by name."""

LAYERS = {"qwen2-vl-2b": 28, "llava-1.5-7b": 32}
"""The number of layers of each checkpoint's language model."""


def asked(rows: int, columns: int) -> Conversation:
    """Return a question about a picture of noise with ``rows * columns`` vision tokens."""
    pixels = np.random.default_rng(0).integers(0, 255, (28 * rows, 28 * columns, 3), dtype=np.uint8)
    return question([image_from_array(pixels, "noise")], "Describe this image.")


def _built(
    make: Callable[[], Any], processor: Any, end: int, dtype: torch.dtype, device: str
) -> tam.Model:
    torch.manual_seed(0)
    with _default_dtype(dtype), torch.device(device):
        module = make()
    module.generation_config = GenerationConfig(do_sample=False, eos_token_id=end, pad_token_id=end)
    _let_it_write_words(module, processor.tokenizer)
    return tam.wrap(module, processor)


def _let_it_write_words(module: Any, tokenizer: Any) -> None:
    """Zero the head's rows of all tokens that are not words, since most ids have no text at all."""
    words = [token for token in range(len(tokenizer)) if tokenizer.decode([token]).isalpha()]
    weight = module.get_output_embeddings().weight.data
    kept = weight[words].clone()
    weight.zero_()
    weight[words] = kept


@contextmanager
def _default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
