"""Parts shared by tiny checkpoints: tokenizer, chat template, language model, saving."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GenerationConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    ProcessorMixin,
    Qwen2Config,
)

HIDDEN = 32

_CORPUS = (
    "user: assistant: system: What is in the picture? What colour is it? a dog on a bench. "
    "a red circle and a blue square in front of the house. There are two dogs. It is green."
)


def byte_tokenizer(
    markers: Sequence[str] = (), named: Mapping[str, str] | None = None
) -> PreTrainedTokenizerFast:
    """Train a byte-level BPE of some 400 tokens.

    Parameters
    ----------
    markers
        Special tokens besides ``<s>``, ``</s>`` and ``<pad>``.
    named
        Special tokens that the tokenizer has as attributes, such as ``image_token``.
    """
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        min_frequency=1,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    bpe.train_from_iterator([_CORPUS], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        extra_special_tokens=list(markers),
        model_specific_special_tokens=dict(named or {}),
        model_max_length=100_000,
    )


def chat_template(image: str, video: str = "") -> str:
    """Write a chat template with a marker for each picture and each clip."""
    return (
        "<s>{% for message in messages %}{{ message['role'] }}: "
        "{% if message['content'] is string %}{{ message['content'] }}"
        "{% else %}{% for part in message['content'] %}"
        "{% if part['type'] == 'image' %}"
        + image
        + "{% elif part['type'] == 'video' %}"
        + video
        + "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}\n"
        "{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}"
    )


def language_model(tokenizer: PreTrainedTokenizerFast) -> Qwen2Config:
    """Configure a Qwen2 of two layers."""
    return Qwen2Config(**language_model_sizes(tokenizer))


def language_model_sizes(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    """Return the sizes of a language model of two layers, under the usual configuration names."""
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": HIDDEN,
        "intermediate_size": 2 * HIDDEN,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 100_000,
        "initializer_range": 0.1,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }


def token_id(tokenizer: PreTrainedTokenizerFast, token: str) -> int:
    """Return the id of a token."""
    return int(tokenizer.convert_tokens_to_ids(token))


@contextmanager
def seeded() -> Iterator[None]:
    """Draw the same random weights each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def save(folder: Path, model: PreTrainedModel, processor: ProcessorMixin) -> Path:
    """Write a checkpoint that answers with the most probable words."""
    text = model.config.get_text_config()
    model.generation_config = GenerationConfig(
        do_sample=False,
        max_new_tokens=16,
        bos_token_id=text.bos_token_id,
        eos_token_id=text.eos_token_id,
        pad_token_id=text.pad_token_id,
    )
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
