"""Tiny random checkpoints of real classes, with real processors, written to a folder.

Each folder loads through ``AutoModelForImageTextToText`` and ``AutoProcessor`` as any checkpoint
from the hub does. The same folder's weights are the same in every run.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    GenerationConfig,
    LlamaConfig,
    LlamaTokenizer,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaImageProcessor,
    LlavaProcessor,
    PreTrainedModel,
    ProcessorMixin,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2Tokenizer,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen2VLImageProcessor,
    Qwen2VLProcessor,
    Qwen2VLVideoProcessor,
    SiglipImageProcessor,
    SiglipVisionConfig,
)

HIDDEN = 32
QWEN_CELL = 28
LLAVA_CELL = 14
CLIP_IMAGE = 112
SIGLIP_IMAGE = 90
"""Not a multiple of the patch, as in SigLIP so400m at 384 pixels: six patches plus six pixels."""

QWEN_MARKERS = (
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
)

QWEN_TEMPLATE = (
    "{% for message in messages %}"
    "{% if loop.first and message['role'] != 'system' %}"
    "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}"
    "<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif part['type'] == 'video' %}<|vision_start|><|video_pad|><|vision_end|>"
    "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}"
    "<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

LLAVA_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'user' %}USER: {% elif message['role'] == 'assistant' %}ASSISTANT: "
    "{% else %}{{ message['role'].upper() }}: {% endif %}"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>"
    "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}"
    "{% if message['role'] == 'assistant' %}</s>{% else %} {% endif %}{% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)

_CORPUS = (
    "USER: ASSISTANT: system user assistant You are a helpful assistant. Describe this image. "
    "What is in the picture? What colour is it? a dog on a bench. a red circle and a blue square "
    "the cat sits on the grass in front of the house. There are two dogs. It is green."
)


def tiny_qwen2_vl(folder: Path, *, max_tokens: int = 256, key_heads: int = 1) -> Path:
    """Write a random Qwen2-VL of two layers; a picture has at most ``max_tokens`` tokens."""
    tokenizer = _qwen_tokenizer()
    config = Qwen2VLConfig(
        text_config=_qwen_text(tokenizer) | {"num_key_value_heads": key_heads},
        vision_config={
            "depth": 2,
            "embed_dim": HIDDEN,
            "num_heads": 2,
            "mlp_ratio": 2,
            "hidden_size": HIDDEN,
            "initializer_range": 0.1,
        },
        **_qwen_ids(tokenizer),
    )
    with _seeded():
        model = Qwen2VLForConditionalGeneration(config)
    processor = Qwen2VLProcessor(*_qwen_processors(tokenizer, max_tokens), QWEN_TEMPLATE)
    return _save(folder, model, processor)


def tiny_qwen2_5_vl(folder: Path, *, max_tokens: int = 256) -> Path:
    """Write a random Qwen2.5-VL of two layers, with windows of 2 × 2 tokens in its first."""
    tokenizer = _qwen_tokenizer()
    config = Qwen2_5_VLConfig(
        text_config=_qwen_text(tokenizer),
        vision_config={
            "depth": 2,
            "hidden_size": HIDDEN,
            "num_heads": 2,
            "intermediate_size": 2 * HIDDEN,
            "out_hidden_size": HIDDEN,
            "window_size": 2 * QWEN_CELL,
            "fullatt_block_indexes": [1],
            "initializer_range": 0.1,
        },
        **_qwen_ids(tokenizer),
    )
    with _seeded():
        model = Qwen2_5_VLForConditionalGeneration(config)
    processor = Qwen2_5_VLProcessor(*_qwen_processors(tokenizer, max_tokens), QWEN_TEMPLATE)
    return _save(folder, model, processor)


def tiny_llava(folder: Path, pad: bool = False, *, full: bool = False) -> Path:
    """Write a random LLaVA-1.5 of two layers on a CLIP tower of 8 × 8 patches.

    Parameters
    ----------
    folder
        Where to; made if missing.
    pad
        Pad pictures to a square, in place of cropping their centre.
    full
        Keep the tower's class token.
    """
    size = {"shortest_edge": CLIP_IMAGE}
    crop = {"height": CLIP_IMAGE, "width": CLIP_IMAGE}
    image_processor = (
        LlavaImageProcessor(size=size, crop_size=crop, do_pad=True)
        if pad
        else CLIPImageProcessor(size=size, crop_size=crop)
    )
    tower = CLIPVisionConfig(
        hidden_size=HIDDEN,
        intermediate_size=2 * HIDDEN,
        num_hidden_layers=3,
        num_attention_heads=2,
        image_size=CLIP_IMAGE,
        patch_size=LLAVA_CELL,
        projection_dim=HIDDEN,
        initializer_range=0.1,
    )
    return _save_llava(folder, tower, image_processor, "full" if full else "default", 1)


def tiny_siglip_llava(folder: Path) -> Path:
    """Write a random LLaVA on a SigLIP tower, which squashes pictures and has no class token."""
    tower = SiglipVisionConfig(
        hidden_size=HIDDEN,
        intermediate_size=2 * HIDDEN,
        num_hidden_layers=3,
        num_attention_heads=2,
        image_size=SIGLIP_IMAGE,
        patch_size=LLAVA_CELL,
        vision_use_head=False,
    )
    image_processor = SiglipImageProcessor(size={"height": SIGLIP_IMAGE, "width": SIGLIP_IMAGE})
    return _save_llava(folder, tower, image_processor, "full", 0)


def _save_llava(
    folder: Path,
    tower: CLIPVisionConfig | SiglipVisionConfig,
    image_processor: CLIPImageProcessor | LlavaImageProcessor | SiglipImageProcessor,
    strategy: str,
    class_tokens: int,
) -> Path:
    tokenizer = _llama_tokenizer()
    image = int(tokenizer.convert_tokens_to_ids("<image>"))
    config = LlavaConfig(
        vision_config=tower,
        text_config=LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=HIDDEN,
            intermediate_size=2 * HIDDEN,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=4096,
            initializer_range=0.1,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        ),
        image_token_index=image,
        image_seq_length=(tower.image_size // tower.patch_size) ** 2,
        vision_feature_select_strategy=strategy,
    )
    with _seeded():
        model = LlavaForConditionalGeneration(config)
    processor = LlavaProcessor(
        image_processor=image_processor,
        tokenizer=tokenizer,
        patch_size=LLAVA_CELL,
        vision_feature_select_strategy=strategy,
        chat_template=LLAVA_TEMPLATE,
        num_additional_image_tokens=class_tokens,
    )
    return _save(folder, model, processor)


@contextmanager
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def _save(folder: Path, model: PreTrainedModel, processor: ProcessorMixin) -> Path:
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


def _qwen_text(tokenizer: Qwen2Tokenizer) -> dict[str, object]:
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": HIDDEN,
        "intermediate_size": 2 * HIDDEN,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "max_position_embeddings": 4096,
        "initializer_range": 0.1,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 10000.0,
            "mrope_section": [2, 3, 3],
        },
        "bos_token_id": None,
        "eos_token_id": tokenizer.convert_tokens_to_ids("<|im_end|>"),
        "pad_token_id": tokenizer.convert_tokens_to_ids("<|endoftext|>"),
    }


def _qwen_ids(tokenizer: Qwen2Tokenizer) -> dict[str, int]:
    names = {
        "image_token_id": "<|image_pad|>",
        "video_token_id": "<|video_pad|>",
        "vision_start_token_id": "<|vision_start|>",
        "vision_end_token_id": "<|vision_end|>",
    }
    return {name: int(tokenizer.convert_tokens_to_ids(token)) for name, token in names.items()}


def _qwen_processors(
    tokenizer: Qwen2Tokenizer, max_tokens: int
) -> tuple[Qwen2VLImageProcessor, Qwen2Tokenizer, Qwen2VLVideoProcessor]:
    size = {"shortest_edge": 4 * QWEN_CELL**2, "longest_edge": max_tokens * QWEN_CELL**2}
    return (
        Qwen2VLImageProcessor(size=size),
        tokenizer,
        Qwen2VLVideoProcessor(size=size, cap_pixels_per_frame=False),
    )


def _qwen_tokenizer() -> Qwen2Tokenizer:
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        min_frequency=1,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    vocab, merges = _train(bpe, trainer)
    return Qwen2Tokenizer(
        vocab=vocab,
        merges=merges,
        eos_token="<|im_end|>",
        additional_special_tokens=[token for token in QWEN_MARKERS if token != "<|im_end|>"],
        model_max_length=4096,
    )


def _llama_tokenizer() -> LlamaTokenizer:
    bpe = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
    bpe.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁")
    specials = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(
        vocab_size=420, min_frequency=1, special_tokens=specials, show_progress=False
    )
    vocab, merges = _train(bpe, trainer)
    return LlamaTokenizer(
        vocab=vocab,
        merges=merges,
        pad_token="<pad>",
        additional_special_tokens=["<image>"],
        model_max_length=4096,
    )


def _train(
    bpe: Tokenizer, trainer: trainers.BpeTrainer
) -> tuple[dict[str, int], list[tuple[str, str]]]:
    bpe.train_from_iterator([_CORPUS], trainer)
    model = json.loads(bpe.to_str())["model"]
    return model["vocab"], [(left, right) for left, right in model["merges"]]
