"""Readers of RefCOCO and of DAVIS with its expressions, on small folders made here."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tam.cli import run
from tam.errors import InputError
from tam.evaluate.davis_items import FRAMES, davis_items
from tam.evaluate.refcoco_items import box_mask, refcoco_items

H, W = 64, 96
ROWS = [
    {"id": 1, "file_name": "a.png", "caption": "left man in red"},
    {"id": 2, "file_name": "a.png", "caption": "top left"},
    {"id": 3, "file_name": "b.png", "caption": "bus behind the man"},
]


def refcoco(folder: Path, images: Any = ROWS, box: Any = (10.2, 5, 20, 30.4)) -> Path:
    (folder / "train2014").mkdir()
    for name in ("train2014/a.png", "b.png"):
        Image.new("RGB", (W, H), (90, 120, 60)).save(folder / name)
    boxes = [{"image_id": row["id"], "bbox": list(box)} for row in ROWS]
    document = {"images": images, "annotations": boxes}
    (folder / "finetune_refcoco_val.json").write_text(json.dumps(document))
    return folder


def test_expressions_with_boxes(tmp_path: Path) -> None:
    first, second = refcoco_items(refcoco(tmp_path))
    assert (first.answer, first.categories) == ("left man in red", {"man": 1})
    assert (second.answer, second.categories) == ("bus behind the man", {"bus": 1})
    mask = first.masks[1]
    assert mask.shape == (H, W)
    rows, columns = np.nonzero(mask)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (5, 34, 10, 29)
    assert mask.sum() == 30 * 20
    assert [item.name for item in refcoco_items(tmp_path, count=1)] == [first.name]


@pytest.mark.parametrize(
    "box", [[1, 2, 3], "box", [0, 0, 0, 5], [200, 0, 5, 5], [0, 0, 1e999, 1], [True, 0, 5, 5]]
)
def test_what_is_no_box_is_told(box: Any) -> None:
    with pytest.raises(InputError, match="has no box"):
        box_mask(box, (H, W), "image 1")


@pytest.mark.parametrize(
    ("images", "told"),
    [
        ({}, "is not a list"),
        ([{"id": 1, "file_name": "a.png"}], "has no 'caption'"),
        ([{"id": 1, "file_name": "../a.png", "caption": "a man"}], "lies outside it"),
        ([{"id": 1, "file_name": "none.png", "caption": "a man"}], "none.png"),
    ],
)
def test_expressions_of_another_layout_are_told(tmp_path: Path, images: Any, told: str) -> None:
    refcoco(tmp_path, images)
    with pytest.raises(InputError, match=told):
        list(refcoco_items(tmp_path))


def test_a_folder_without_expressions_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no"):
        list(refcoco_items(tmp_path))
    with pytest.raises(InputError, match="holds no expressions"):
        list(davis_items(tmp_path))


def davis(folder: Path, frames: int = 11, lines: str = 'bear 2 "a brown bear"\n') -> Path:
    for kind in ("JPEGImages", "Annotations"):
        (folder / kind / "480p" / "bear").mkdir(parents=True)
    for index in range(frames):
        image = Image.new("RGB", (W, H), (90, 120 + index, 60))
        image.save(folder / f"JPEGImages/480p/bear/{index:05d}.jpg")
        labels = np.zeros((H, W), np.uint8)
        labels[10:20, 2 * index : 2 * index + 10] = 2
        labels[40:50, :10] = 1
        picture = Image.fromarray(labels, "P")
        picture.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
        picture.save(folder / f"Annotations/480p/bear/{index:05d}.png")
    (folder / "davis_text_annotations").mkdir()
    (folder / "davis_text_annotations" / "Davis17_annot1.txt").write_text(lines)
    return folder


def test_clips_with_expressions(tmp_path: Path) -> None:
    [item] = davis_items(davis(tmp_path))
    assert (item.answer, item.categories) == ("a brown bear", {"bear": 1})
    assert item.split == "Davis17_annot1"
    [clip] = item.media
    assert clip.frames.shape == (FRAMES, H, W, 3)
    shown = [0, 1, 3, 4, 6, 7, 9, 10]
    assert np.allclose(clip.times, np.array(shown) / 24)
    mask = item.masks[1].reshape(FRAMES, H, W)
    for frame, index in enumerate(shown):
        assert mask[frame].sum() == 100
        assert mask[frame, 15, 2 * index + 5]
        # JPEG keeps a flat color to a level or two.
        assert abs(int(clip.frames[frame, 0, 0, 1]) - 120 - index) <= 2


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("bear brown bear\n", "line 1"),
        ('cow 1 "a cow"\n', "has no frames of 'cow'"),
        ('../../../bear 1 "a bear"\n', "lies outside it"),
    ],
)
def test_clips_of_another_layout_are_told(tmp_path: Path, lines: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        list(davis_items(davis(tmp_path, 2, lines)))


def test_clips_are_measured_by_region_and_contour(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "davis"
    folder.mkdir()
    davis(folder, 4)
    out = str(tmp_path / "out")
    asked = ["evaluate", "--data", f"davis:{folder}", "--methods", "activation", "--out", out]
    assert run([*asked, "--faithful-words", "0", "--json"]) == 0
    [row] = json.loads(capsys.readouterr().out)
    assert row["words"] == 1
    assert 0 <= row["figures"]["clip_both"]["value"] <= 1
    assert 0 <= row["figures"]["clip_steady"]["value"] <= 1
