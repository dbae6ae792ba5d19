"""Places that models give themselves: the answers of each family, and ranks of heat by hand."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image

import tam
from tam.cli import run
from tam.evaluate.own_points import add_own_points, box_middle, own_points, share_cooler
from tam.evaluate.scene_items import scene_items
from tam.model.model import Model
from tam_adapters.internvl import InternVLAdapter, QianfanOcrAdapter
from tam_adapters.paligemma import PaliGemmaAdapter
from tam_adapters.qwen2_vl import Qwen2VLAdapter, Qwen25VLAdapter
from tam_adapters.qwen3_vl import Qwen3VLAdapter, Qwen35Adapter

THOUSAND = (1000.0, 1000.0)
STYLES = {
    "qwen2_vl": Qwen2VLAdapter,
    "qwen2_5_vl": Qwen25VLAdapter,
    "qwen3_vl": Qwen3VLAdapter,
    "internvl": InternVLAdapter,
    "paligemma": PaliGemmaAdapter,
}


def test_only_these_families_are_known_to_answer_with_boxes() -> None:
    assert QianfanOcrAdapter.boxes is None
    assert Qwen35Adapter.boxes is None


@pytest.mark.parametrize(
    ("kind", "text", "units", "expected"),
    [
        ("qwen2_vl", "the dog(100,200),(300,400)", THOUSAND, (0.2, 0.3)),
        (
            "qwen2_5_vl",
            '```json\n[{"bbox_2d": [56, 28, 112, 84], "label": "dog"}]\n```',
            (280.0, 140.0),
            (0.3, 0.4),
        ),
        ("qwen3_vl", '{"bbox_2d": [0, 0, 1000, 500]}', THOUSAND, (0.5, 0.25)),
        ("internvl", "<box>[[10, 20, 30, 40], [1, 2, 3, 4]]</box>", THOUSAND, (0.02, 0.03)),
        ("paligemma", "<loc0000><loc0512><loc0512><loc1023> dog", (1024.0,) * 2, (0.75, 0.25)),
        ("qwen2_vl", "It is on the left.", THOUSAND, None),
        ("qwen2_vl", "(1500,20),(1600,40)", THOUSAND, None),
        ("qwen3_vl", '{"point_2d": [1, 2]}', THOUSAND, None),
    ],
)
def test_answers_of_each_family(
    kind: str, text: str, units: tuple[float, float], expected: tuple[float, float] | None
) -> None:
    style = STYLES[kind].boxes
    assert style is not None
    found = box_middle(text, style, units)
    assert (found is None) == (expected is None)
    if expected is not None:
        assert found == pytest.approx(expected, abs=1e-3)


def test_the_share_of_cooler_pixels_by_hand() -> None:
    heat = np.array([[0.0, 0.1], [0.2, 0.9]])
    assert share_cooler(heat, (0.9, 0.9)) == 3 / 4 + 1 / 8
    assert share_cooler(heat, (0.0, 0.0)) == 1 / 8
    assert share_cooler(np.ones((4, 4)), (0.5, 0.5)) == 0.5


class Pointing:
    """A model that gives the same place for everything, in pixels of what it sees."""

    def __init__(self, model: Model, text: str) -> None:
        self._model, self._text = model, text
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def run(self, conversation: Any, **options: Any) -> Any:
        self.asked += conversation.turns[-1].texts
        return self._model.run(conversation, answer=self._text)


def test_a_place_in_pixels_is_one_of_the_picture(
    qwen_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tam.load(qwen_folder)
    [item] = scene_items("one", 1)
    said = '"bbox_2d": [28, 56, 84, 56]'
    pointing = Pointing(model, said)
    monkeypatch.setattr(type(model.adapter), "boxes", Qwen25VLAdapter.boxes)
    found = own_points(cast(Model, pointing), item, ["ring", "ring", "red"])
    recording = model.run(item.conversation, answer="a")
    _, height, width = recording.prepared.prompt.inputs["image_grid_thw"][0].tolist()
    assert set(found) == {"ring", "red"}
    assert found["ring"] == pytest.approx((56 / (14 * width), 56 / (14 * height)))
    assert pointing.asked == [
        f"Locate the {noun} and output its bbox coordinates using JSON format."
        for noun in ("ring", "red")
    ]
    several = replace(item, conversation=next(scene_items("clip-one", 1)).conversation)
    assert own_points(cast(Model, pointing), several, ["ring"]) == {}


def test_only_true_objects_get_the_figure() -> None:
    model = tam.load("small")
    [item] = scene_items("one", 1)
    assert own_points(model, item, ["ring"]) == {}, "it does not answer with coordinates"
    result = model.explain_conversation(item.conversation, answer=item.references[0])
    index = len(result.words) - 1
    tokens = [word.targets for word in result.words]
    line = {"index": index, "word": result.words[index].text, "kind": "object", "false": False}
    lines = [line, {**line, "false": True}, {**line, "kind": "function"}, {**line, "word": "x"}]
    peak = result.words[index].peak()
    assert peak is not None
    height, width = item.size
    add_own_points(lines, result, tokens, {str(line["word"]): (peak.x / width, peak.y / height)})
    assert lines[0]["own_point"] > 0.95
    assert all("own_point" not in other for other in lines[1:])


def test_the_command_asks_the_model(
    qwen_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    Image.new("RGB", (64, 64), (200, 30, 30)).save(folder / "a.png")
    Image.new("L", (64, 64), 255).save(folder / "m.png")
    (folder / "items.csv").write_text("image,category,mask,answer\na.png,dog,m.png,a dog\n")
    asked = ["evaluate", "--data", f"folder:{folder}", "--model", str(qwen_folder), "--points"]
    more = ["--methods", "activation", "--faithful-words", "0", "--json"]
    assert run([*asked, *more, "--out", str(tmp_path / "out")]) == 0
    [row] = json.loads(capsys.readouterr().out)
    assert row["words"] == 1
    assert "own_point" not in row["figures"], "a random model gives no place"
