"""Readers of the published layouts and of a user's own folder, on small folders made here."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tam.errors import InputError, TamError
from tam.evaluate.folder_items import folder_items
from tam.evaluate.published_items import coco_items, packed_items

H, W = 12, 16
BOX = [2, 3, 6, 3, 6, 8, 2, 8]


def picture(path: Path, mode: str = "RGB", value: int = 90) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (W, H), (value,) * 3 if mode == "RGB" else value).save(path)


def labels(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    ids = np.zeros((H, W), np.uint8)
    ids[3:8, 2:6] = 37
    Image.fromarray(ids).save(path)


def coco(folder: Path, name: str = "val2014") -> Path:
    instances = {
        "images": [{"id": 42, "file_name": "COCO_val2014_000000000042.jpg"}, {"id": 7}],
        "categories": [{"id": 37, "name": "sports ball"}, {"id": 18, "name": "dog"}],
        "annotations": [
            {"image_id": 42, "category_id": 37, "segmentation": [BOX]},
            {
                "image_id": 42,
                "category_id": 18,
                "segmentation": {"size": [H, W], "counts": [5, 2, H * W - 7]},
            },
            {
                "image_id": 42,
                "category_id": 18,
                "segmentation": {"size": [H, W], "counts": [20, 3, H * W - 23]},
            },
        ],
    }
    captions = {
        "annotations": [
            {"image_id": 42, "caption": "A dog and a ball."},
            {"image_id": 7, "caption": "Nothing."},
            {"image_id": 42, "caption": "A ball."},
        ]
    }
    (folder / "annotations").mkdir(parents=True)
    (folder / f"annotations/instances_{name}.json").write_text(json.dumps(instances))
    (folder / "annotations/captions_val2014.json").write_text(json.dumps(captions))
    return folder


def test_coco_as_the_authors_packed_it(tmp_path: Path) -> None:
    folder = coco(tmp_path, "minival2014")
    for number in (42, 7):
        picture(folder / f"image/{number:012d}.jpg")
    labels(folder / "seg_label/000000000042.png")
    first, second = coco_items(folder)
    assert first.name == "000000000042"
    assert first.categories == {"ball": 37, "dog": 18}
    assert first.references == ("A dog and a ball.", "A ball.")
    assert first.answer is None
    assert list(first.masks) == [37]
    assert first.masks[37].sum() == 20
    assert "one-sentence caption" in str(first.conversation.turns[0].texts[0])
    assert second.masks == {}
    assert [item.name for item in coco_items(folder, count=1)] == ["000000000042"]


def test_plain_coco_draws_polygons_and_run_lengths(tmp_path: Path) -> None:
    folder = coco(tmp_path)
    picture(folder / "val2014/COCO_val2014_000000000042.jpg")
    (item,) = coco_items(folder, count=1)
    assert item.masks[37][3:8, 2:6].all()
    assert item.masks[37].sum() == 20
    assert item.masks[18].sum() == 5  # two pieces of one class
    assert item.masks[18][5, 0]
    assert item.masks[18][8, 1]


def test_objects_that_a_caption_of_coco_invents(tmp_path: Path) -> None:
    folder = coco(tmp_path)
    picture(folder / "val2014/COCO_val2014_000000000042.jpg")
    (item,) = coco_items(folder, count=1)
    told = item.with_reply("A puppy with a baseball and two cats.")
    assert [claim.true for claim in told.claims] == [True, True, False]
    assert told.false_spans == ((32, 36),)


def packed(folder: Path) -> Path:
    picture(folder / "image/a.jpg")
    labels(folder / "seg_label/a.png")
    rows = [["image/a.jpg", "A red ball.", "seg_label/a.png", {"red ball": 37}]]
    (folder / "anno.json").write_text(json.dumps(rows))
    return folder


@pytest.mark.parametrize(("kind", "sentences"), [("grandf", "two"), ("openpsg", "three")])
def test_grandf_and_openpsg_as_the_authors_packed_them(
    tmp_path: Path, kind: str, sentences: str
) -> None:
    (item,) = packed_items(packed(tmp_path), kind)
    assert item.split == kind
    assert item.references == ("A red ball.",)
    assert item.categories == {"red ball": 37}
    assert item.masks[37].sum() == 20
    assert f"{sentences} sentences" in str(item.conversation.turns[0].texts[0])


def own(folder: Path, text: str) -> Path:
    picture(folder / "cat.png")
    picture(folder / "dark.png", "L", 0)
    labels(folder / "eye.png")
    (folder / "items.csv").write_text(text, encoding="utf-8-sig")
    return folder


def test_a_folder_of_one_s_own(tmp_path: Path) -> None:
    text = (
        "image,category,mask,prompt,reference\n"
        'cat.png,eye,eye.png,,"A cat, with an eye."\n'
        "cat.png,cat,dark.png,,\n"
        "cat.png,eye,eye.png,What is green?,\n"
    )
    first, second = folder_items(own(tmp_path, text))
    assert first.masks[first.categories["eye"]].sum() == 20
    assert not first.masks[first.categories["cat"]].any()
    assert first.references == ("A cat, with an eye.",)
    assert first.conversation.turns[0].texts == ("Describe this image.",)
    assert second.conversation.turns[0].texts == ("What is green?",)
    assert list(second.masks) == [second.categories["eye"]]
    assert first.name != second.name
    assert len(list(folder_items(tmp_path, count=1))) == 1


Break = Callable[[Path], object]


def write(name: str, content: Any) -> Break:
    return lambda folder: (folder / name).write_text(
        content if isinstance(content, str) else json.dumps(content)
    )


@pytest.mark.promise("evaluation", "damaged COCO annotations", "a one-line error")
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "annotations/instances_val2014.json").unlink(), "no files instances_"),
        (write("annotations/instances_other.json", "{}"), "2 files instances_"),
        (write("annotations/instances_val2014.json", "{"), "is not JSON"),
        (write("annotations/instances_val2014.json", "[" * 100_000), "is not JSON"),
        (write("annotations/instances_val2014.json", []), "has no 'images'"),
        (
            write("annotations/instances_val2014.json", {"images": [{"id": "x"}]}),
            r"images\[0\].*'id'",
        ),
        (
            write(
                "annotations/instances_val2014.json",
                {
                    "images": [{"id": 1, "file_name": "../../x.jpg"}],
                    "categories": [],
                    "annotations": [],
                },
            ),
            "outside",
        ),
        (lambda f: (f / "val2014/COCO_val2014_000000000042.jpg").unlink(), "no such file"),
    ],
)
def test_damaged_coco_gives_one_clear_line(tmp_path: Path, damage: Break, message: str) -> None:
    folder = coco(tmp_path)
    picture(folder / "val2014/COCO_val2014_000000000042.jpg")
    damage(folder)
    with pytest.raises(TamError, match=message):
        list(coco_items(folder))


@pytest.mark.promise("evaluation", "damaged GranDf and OpenPSG annotations", "a one-line error")
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({}, "is not a list"),
        ([["a.jpg", "x", "y"]], r"anno.json\[0\]"),
        ([["image/a.jpg", "x", "y", {"dog": 0}]], r"anno.json\[0\]"),
        ([["image/a.jpg", "x", "y", {"dog": True}]], r"anno.json\[0\]"),
        ([["/etc/hostname", "x", "y", {}]], "outside"),
    ],
)
def test_damaged_packing_gives_one_clear_line(tmp_path: Path, rows: Any, message: str) -> None:
    packed(tmp_path)
    (tmp_path / "anno.json").write_text(json.dumps(rows))
    with pytest.raises(InputError, match=message):
        list(packed_items(tmp_path, "grandf"))


@pytest.mark.promise(
    "evaluation", "errors in a user's list of items", "a one-line error that names the row"
)
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,category\n", "no column mask"),
        ("image,category,mask\ncat.png,,eye.png\n", "line 2: has no category"),
        ("image,category,mask\n../cat.png,cat,eye.png\n", "outside"),
        ("image,category,mask\ncat.png,cat,cat.png\n", "color picture"),
        ('image,category,mask\n"cat.png,cat,eye.png\n', "not a CSV"),
        ("", "no column"),
    ],
)
def test_a_wrong_csv_gives_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        list(folder_items(own(tmp_path, text)))
    (tmp_path / "items.csv").unlink()
    with pytest.raises(InputError, match="cannot be read"):
        list(folder_items(tmp_path))
