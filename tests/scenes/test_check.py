"""The shipped weights load like any hub model, and the check reports on them."""

import json
import math
import warnings

import pytest
import torch
from transformers import AutoModelForImageTextToText, AutoProcessor, Qwen2VLForConditionalGeneration

import tam
from tam.model.shipped import SHIPPED, weights_folder
from tam.scenes.check import main
from tam.scenes.language import caption
from tam.scenes.pointing import STAGES
from tam.scenes.world import make_scene


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_model_captions_a_scene(name):
    folder = weights_folder(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32)
    assert isinstance(model, Qwen2VLForConditionalGeneration)
    processor = AutoProcessor.from_pretrained(folder)
    message = {
        "role": "user",
        "content": [{"type": "image"}, {"type": "text", "text": "Describe this image."}],
    }
    text = processor.apply_chat_template([message], add_generation_prompt=True)
    scene = make_scene(1_100_000_001, objects=(1, 1))
    inputs = processor(text=[text], images=[scene.image], return_tensors="pt")
    output = model.generate(**inputs)
    said = processor.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    assert said == caption(scene)
    assert output[0, -1] == model.generation_config.eos_token_id


def test_the_shipped_models_are_small_and_have_cards():
    sizes = [(weights_folder(name) / "model.safetensors").stat().st_size for name in SHIPPED]
    assert sum(sizes) <= 24_000_000
    for name in SHIPPED:
        folder = weights_folder(name)
        assert not list(folder.glob("*.bin"))
        assert f"# {name}: " in (folder / "README.md").read_text()


def test_the_toolkit_loads_each_by_its_name():
    for name in SHIPPED:
        assert tam.load(name).provenance["model"] == name


def test_an_unknown_model_is_refused():
    assert SHIPPED == ("small", "small-masks", "small-aligned")
    with pytest.raises(KeyError, match="small"):
        weights_folder("huge")


def test_check_prints_its_figures_as_json(capsys):
    main(["--scenes", "4", "--json"])
    report = json.loads(capsys.readouterr().out)
    assert (report["model"], report["split"], report["scenes"]) == ("small", "test", 4)
    assert report["seconds"] > 0
    for name in ("caption_f1", "answer_accuracy"):
        assert 0 <= report[name] <= 1
        low, high = report["intervals"][name]
        assert low <= report[name] <= high
    for name in ("peak_in_object", "energy_in_object", "iou_at_otsu"):
        assert set(report[name]) == set(STAGES) == {"activation", "eci", "rgf", "tam"}
    assert report["words"] == sum(part["words"] for part in report["by_kind"].values())
    assert report["words"] > 0
    assert 0 < report["chance"] < 0.5
    assert all(math.isfinite(value) for value in report["peak_in_object"].values())
    assert set(report["unmasked"]) == {"color", "shape"}
    left_out = sum(part["words"] for part in report["unmasked"].values())
    assert report["masked"]["words"] == report["words"] - left_out
    for name in ("clips", "third_turn", "two_pictures"):
        part = report[name]
        assert part["scenes"] == 1
        assert 0 <= part["answer_accuracy"] <= 1
        assert set(part["peak_in_object"]) == set(STAGES)
    assert 0 < report["clips"]["chance_in_time"] <= 1
    assert "motion" in report["clips"]["answers_by_kind"]


def test_check_prints_a_table(capsys):
    main(["--scenes", "2", "--split", "combinations", "--difficulty", "one object"])
    printed = capsys.readouterr().out
    assert "caption_f1" in printed
    assert "2 scenes of split combinations, one object" in printed
    assert "1 clips" in printed


def test_check_refuses_what_is_no_model(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--model", str(tmp_path)])
    assert ended.value.code == 2
    printed = capsys.readouterr().err
    assert "no model in" in printed
    assert "config.json" in printed
    assert "small" in printed
