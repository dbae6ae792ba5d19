"""The published settings of popular families, on a picture of 4000 × 3000 pixels."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from transformers import (
    CLIPImageProcessor,
    Gemma3Config,
    Gemma3ImageProcessor,
    Gemma3Processor,
    GotOcr2ImageProcessor,
    Idefics3Config,
    Idefics3ImageProcessor,
    Idefics3Processor,
    InternVLConfig,
    InternVLProcessor,
    InternVLVideoProcessor,
    LlavaConfig,
    LlavaNextConfig,
    LlavaNextImageProcessor,
    LlavaNextProcessor,
    LlavaProcessor,
    Qwen2_5_VLConfig,
    Qwen2_5_VLProcessor,
    Qwen2VLConfig,
    Qwen2VLImageProcessor,
    Qwen2VLProcessor,
    Qwen2VLVideoProcessor,
    Qwen3VLConfig,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
)

from tam.families.adapter import Encoded, PlacedMedia
from tam.families.registry import adapter_for
from tam.prompt.conversation import question
from tam.prompt.encoding import encode
from tam.testing import probe_picture
from tests.tiny.parts import byte_tokenizer, chat_template, token_id

LONGEST_S = 0.05
VISION = ["<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]

Made = tuple[Any, Any]
"""A configuration and a processor."""


def qwen(config: Any, processor: Any, clips: Any, patch: int, size: tuple[int, int]) -> Made:
    tokenizer = byte_tokenizer(VISION)
    limits = {"shortest_edge": size[0], "longest_edge": size[1]}
    made = processor(
        Qwen2VLImageProcessor(size=limits, patch_size=patch),
        tokenizer,
        clips(patch_size=patch),
        chat_template=chat_template("<|vision_start|><|image_pad|><|vision_end|>"),
    )
    image, video = (token_id(tokenizer, f"<|{kind}_pad|>") for kind in ("image", "video"))
    return config(image_token_id=image, video_token_id=video), made


def qwen2_vl() -> Made:
    sizes = (56 * 56, 28 * 28 * 16384)
    return qwen(Qwen2VLConfig, Qwen2VLProcessor, Qwen2VLVideoProcessor, 14, sizes)


def qwen2_5_vl() -> Made:
    sizes = (56 * 56, 28 * 28 * 16384)
    return qwen(Qwen2_5_VLConfig, Qwen2_5_VLProcessor, Qwen2VLVideoProcessor, 14, sizes)


def qwen3_vl() -> Made:
    return qwen(Qwen3VLConfig, Qwen3VLProcessor, Qwen3VLVideoProcessor, 16, (65536, 16777216))


def llava() -> Made:
    tokenizer = byte_tokenizer(["<image>"])
    processor = LlavaProcessor(
        image_processor=CLIPImageProcessor(
            size={"shortest_edge": 336}, crop_size={"height": 336, "width": 336}
        ),
        tokenizer=tokenizer,
        patch_size=14,
        vision_feature_select_strategy="default",
        chat_template=chat_template("<image>"),
        num_additional_image_tokens=1,
    )
    return LlavaConfig(image_token_index=token_id(tokenizer, "<image>")), processor


def llava_next() -> Made:
    tokenizer = byte_tokenizer(["<image>"])
    processor = LlavaNextProcessor(
        image_processor=LlavaNextImageProcessor(
            size={"shortest_edge": 336}, crop_size={"height": 336, "width": 336}
        ),
        tokenizer=tokenizer,
        patch_size=14,
        vision_feature_select_strategy="default",
        chat_template=chat_template("<image>"),
        num_additional_image_tokens=1,
    )
    return LlavaNextConfig(image_token_index=token_id(tokenizer, "<image>")), processor


def internvl() -> Made:
    names = ("start_image_token", "end_image_token", "context_image_token", "video_token")
    marks = ("<img>", "</img>", "<IMG_CONTEXT>", "<video>")
    tokenizer = byte_tokenizer(named=dict(zip(names, marks, strict=True)))
    square = {"height": 448, "width": 448}
    processor = InternVLProcessor(
        image_processor=GotOcr2ImageProcessor(size=square, crop_to_patches=True, max_patches=12),
        tokenizer=tokenizer,
        video_processor=InternVLVideoProcessor(size=square),
        image_seq_length=256,
        chat_template=chat_template("<IMG_CONTEXT>"),
    )
    return InternVLConfig(image_token_id=token_id(tokenizer, "<IMG_CONTEXT>")), processor


def gemma3() -> Made:
    names = ("image_token", "boi_token", "eoi_token")
    marks = ("<image_soft_token>", "<start_of_image>", "<end_of_image>")
    tokenizer = byte_tokenizer(named=dict(zip(names, marks, strict=True)))
    processor = Gemma3Processor(
        Gemma3ImageProcessor(size={"height": 896, "width": 896}),
        tokenizer,
        chat_template("<start_of_image>"),
        image_seq_length=256,
    )
    config = Gemma3Config(
        mm_tokens_per_image=256,
        image_token_index=token_id(tokenizer, "<image_soft_token>"),
        vision_config={"image_size": 896, "patch_size": 14},
    )
    return config, processor


def idefics3() -> Made:
    tags = [f"<row_{row + 1}_col_{column + 1}>" for row in range(6) for column in range(6)]
    marks = ["<fake_token_around_image>", "<image>", "<end_of_utterance>", "<global-img>"]
    tokenizer = byte_tokenizer([*marks, *tags])
    processor = Idefics3Processor(
        image_processor=Idefics3ImageProcessor(
            size={"longest_edge": 4 * 364}, max_image_size={"longest_edge": 364}
        ),
        tokenizer=tokenizer,
        image_seq_len=169,
        chat_template=chat_template("<image>"),
    )
    return Idefics3Config(image_token_id=token_id(tokenizer, "<image>")), processor


@pytest.mark.grid
@pytest.mark.parametrize(
    ("make", "views"),
    [
        (qwen2_vl, [(107, 143)]),
        (qwen2_5_vl, [(107, 143)]),
        (qwen3_vl, [(94, 125)]),
        (llava, [(24, 24)]),
        (llava_next, [(24, 24), (36, 48)]),
        (internvl, [(48, 64), (16, 16)]),
        (gemma3, [(16, 16)]),
        (idefics3, [(39, 52), (13, 13)]),
    ],
)
def test_a_large_photograph(make: Callable[[], Made], views: list[tuple[int, int]]) -> None:
    config, processor = make()
    picture = probe_picture(3000, 4000)
    adapter = adapter_for(config)
    prompt = encode(processor, question([picture], "What is it?"), adapter)
    encoded = Encoded(prompt.ids, prompt.arrays, [PlacedMedia(picture, turn=0)], config, processor)
    taken = []
    for _ in range(3):
        start = time.perf_counter()
        layout = adapter.vision_layout(encoded)
        taken.append(time.perf_counter() - start)
    assert [grid.shape[1:] for grid in layout.grids] == views
    assert np.array_equal(
        np.sort(np.concatenate([layout.positions, layout.separators])),
        np.flatnonzero(prompt.ids == config.image_token_id),
    )
    assert min(taken) < LONGEST_S
