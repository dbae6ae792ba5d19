"""The tokenizer and the processor of the small model."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoProcessor, Qwen2VLProcessor

from tam.model.shipped import SHIPPED, weights_folder
from tam.scenes.batch import patches, stills
from tam.scenes.tokens import SPLIT_WORDS, build_tokenizer, save_processor
from tam.scenes.world import COLORS, SHAPES, make_scene

TOKENIZER = build_tokenizer()


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back_unchanged(text):
    ids = TOKENIZER(text, add_special_tokens=False)["input_ids"]
    assert TOKENIZER.decode(ids) == text


@pytest.mark.parametrize(
    "text", ["日本語の写真", "صورة حمراء", "😀👩‍👩‍👧", "e\u0301 is not é", "\t\n  x"]
)
def test_other_languages_come_back_unchanged(text):
    assert TOKENIZER.decode(TOKENIZER(text)["input_ids"]) == text


def test_some_words_are_several_tokens_and_most_are_one():
    for word in (*COLORS, *SHAPES):
        assert (len(TOKENIZER.tokenize(f" {word}")) > 1) == (word in SPLIT_WORDS)


@pytest.mark.parametrize("model", SHIPPED)
def test_the_shipped_processor_is_the_one_that_this_code_builds(model, tmp_path):
    save_processor(tmp_path)
    shipped = weights_folder(model)
    for name in ("tokenizer.json", "processor_config.json"):
        assert json.loads((tmp_path / name).read_text()) == json.loads((shipped / name).read_text())
    template = (tmp_path / "chat_template.jinja").read_text()
    assert template == (shipped / "chat_template.jinja").read_text()


@pytest.fixture(scope="module")
def processor():
    return AutoProcessor.from_pretrained(weights_folder("small"))


def _inputs(processor, image):
    message = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What?"}]}
    text = processor.apply_chat_template([message], add_generation_prompt=True)
    return text, processor(text=[text], images=[image], return_tensors="np")


def test_the_training_pixels_are_the_processors(processor):
    for size in ((128, 128), (120, 144), (160, 104)):
        image = make_scene(3, *size).image
        _, inputs = _inputs(processor, image)
        np.testing.assert_allclose(inputs["pixel_values"], patches(stills(image[None])), atol=1e-5)
        assert inputs["image_grid_thw"].tolist() == [[1, size[0] // 8, size[1] // 8]]


@pytest.mark.parametrize("size", [(1080, 1440), (128, 128), (20, 30), (2000, 500), (40, 40)])
def test_any_picture_becomes_a_usual_number_of_vision_tokens(processor, size):
    _, inputs = _inputs(processor, np.zeros((*size, 3), np.uint8))
    assert 230 <= (inputs["input_ids"] == processor.image_token_id).sum() <= 340


def test_an_extreme_picture_still_has_vision_tokens(processor):
    _, inputs = _inputs(processor, np.zeros((10, 1000, 3), np.uint8))
    assert 100 <= (inputs["input_ids"] == processor.image_token_id).sum() <= 340


def test_the_chat_template_marks_turns_and_vision(processor):
    assert isinstance(processor, Qwen2VLProcessor)
    text, _ = _inputs(processor, np.zeros((64, 64, 3), np.uint8))
    assert text == (
        "<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>What?<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    clip = {"role": "user", "content": [{"type": "video"}, {"type": "text", "text": "Hi"}]}
    answer = {"role": "assistant", "content": "No."}
    assert processor.apply_chat_template([clip, answer]) == (
        "<|im_start|>user\n<|vision_start|><|video_pad|><|vision_end|>Hi<|im_end|>\n"
        "<|im_start|>assistant\nNo.<|im_end|>\n"
    )


def test_clips_are_processed_too(processor):
    text = "<|vision_start|><|video_pad|><|vision_end|>"
    clip = np.zeros((4, 128, 128, 3), np.uint8)
    inputs = processor(text=[text], videos=[clip], return_tensors="np")
    assert inputs["video_grid_thw"].tolist() == [[2, 16, 16]]
    assert (inputs["input_ids"] == processor.video_token_id).sum() == 512
