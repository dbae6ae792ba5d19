"""The shipped weights load like any hub model, and the check reports on them."""

import json
import math
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from transformers import AutoModelForImageTextToText, AutoProcessor, Qwen2VLForConditionalGeneration

from tam.scenes.check import STAGES
from tam.scenes.shipped import SHIPPED, weights_folder
from tam.scenes.world import make_scene

FOLDER = weights_folder("small")


@pytest.fixture(scope="module")
def model():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return AutoModelForImageTextToText.from_pretrained(FOLDER, dtype=torch.float32)


def test_the_shipped_model_captions_a_scene(model):
    assert isinstance(model, Qwen2VLForConditionalGeneration)
    processor = AutoProcessor.from_pretrained(FOLDER)
    message = {
        "role": "user",
        "content": [{"type": "image"}, {"type": "text", "text": "Describe this image."}],
    }
    text = processor.apply_chat_template([message], add_generation_prompt=True)
    image = make_scene(1_100_000_001, objects=(1, 1)).image
    inputs = processor(text=[text], images=[image], return_tensors="pt")
    output = model.generate(**inputs)
    said = processor.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    assert said.startswith("A ")
    assert said.endswith(".")
    assert output[0, -1] == model.generation_config.eos_token_id


def test_the_shipped_model_is_small():
    weights = FOLDER / "model.safetensors"
    assert weights.stat().st_size <= 8_000_000
    assert not list(FOLDER.glob("*.bin"))
    assert (FOLDER / "README.md").exists()


def test_an_unknown_model_is_refused():
    assert "small" in SHIPPED
    with pytest.raises(KeyError, match="small"):
        weights_folder("huge")


def _check(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "tam.scenes.check", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_check_prints_its_figures_as_json():
    result = _check("--scenes", "4", "--json")
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert (report["model"], report["split"], report["scenes"]) == ("small", "test", 4)
    assert report["seconds"] > 0
    for name in ("caption_f1", "answer_accuracy"):
        assert 0 <= report[name] <= 1
        low, high = report["intervals"][name]
        assert low <= report[name] <= high
    for name in ("peak_in_object", "energy_in_object", "iou_at_otsu"):
        assert set(report[name]) == set(STAGES) == {"activation", "eci", "rgf", "tam"}
    assert report["words"] == sum(part["words"] for part in report["by_kind"].values())
    if report["words"]:
        assert 0 < report["chance"] < 0.5
        assert all(math.isfinite(value) for value in report["peak_in_object"].values())


def test_check_prints_a_table():
    result = _check("--scenes", "2", "--split", "combinations")
    assert result.returncode == 0, result.stderr
    assert "caption_f1" in result.stdout
    assert "2 scenes of split combinations" in result.stdout


def test_check_refuses_what_is_no_model(tmp_path):
    result = _check("--model", str(tmp_path))
    assert result.returncode == 2
    assert "no model in" in result.stderr
    assert np.all([word in result.stderr for word in ("config.json", "small")])
