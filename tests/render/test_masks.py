import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as runs

from tam.errors import InputError, OutputError
from tam.explanation.explanation import Explanation
from tam.files.marks import is_marked
from tam.render.mask_files import FORMATS, write_masks
from tests.hand_made import clip, explanation, grid, picture, several

# pycocotools' own decoding is not made for NumPy 2 in full.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def blocks() -> Explanation:
    """A picture of 64 × 48: one word high at its left, one at its right, the others nowhere."""
    result = explanation([picture()], [grid(0, (1, 6, 8), (0.0, 0.0, 64.0, 48.0))])
    maps = np.zeros((len(result.tokens), 6, 8), np.float32)
    maps[result.words[1].targets[0], 1:3, 1:3] = 0.9
    maps[result.words[5].targets[0], 3:5, 5:7] = 0.6
    result.maps[:] = maps.reshape(len(maps), -1)
    return result


def read(result: Explanation, tmp_path: Path, kind: str, **options: Any) -> dict[str, Any]:
    path = write_masks(result, tmp_path / f"{kind}.json", kind, **options)
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def test_coco_holds_the_masks_as_its_own_tools_read_them(tmp_path: Path) -> None:
    result = blocks()
    document = read(result, tmp_path, "coco", words=["grey", "bench"])
    assert document["categories"] == [{"id": 1, "name": "grey"}, {"id": 2, "name": "bench"}]
    (image,) = document["images"]
    assert (image["width"], image["height"]) == (64, 48)
    found = document["annotations"]
    assert [item["category_id"] for item in found] == [1, 2]
    for item, word in zip(found, (result.words[1], result.words[5]), strict=True):
        mask = word.mask()
        assert mask is not None
        np.testing.assert_array_equal(runs.decode(item["segmentation"]), mask)
        assert item["area"] == runs.area(item["segmentation"])
        assert item["bbox"] == runs.toBbox(item["segmentation"]).tolist()


def test_every_frame_is_an_image(tmp_path: Path) -> None:
    box = (0.0, 0.0, 56.0, 40.0)
    walk = explanation([clip()], [grid(0, (2, 4, 5), box, spans=[(0, 2), (2, 4)])])
    document = read(walk, tmp_path, "coco", words=[1])
    images = document["images"]
    assert [image["seconds"] for image in images] == [0, 0.5, 1, 1.5]


def test_boxes_and_points_lie_where_the_word_is(tmp_path: Path) -> None:
    result = blocks()
    mask = result.words[1].mask()
    assert mask is not None
    (box,) = read(result, tmp_path, "boxes", words=["grey"])["boxes"]
    assert tuple(box["box"]) == result.words[1].box()
    (prompt,) = read(result, tmp_path, "points", words=["grey"])["prompts"]
    inside = [mask[y, x] for x, y in prompt["point_coords"]]
    assert inside == [label == 1 for label in prompt["point_labels"]] == [True, True, False]
    highest = result.words[1].peak()
    assert highest is not None
    assert prompt["point_coords"][0] == [highest.x, highest.y]


def test_labelme_has_outlines_that_hold_the_mask(tmp_path: Path) -> None:
    result = blocks()
    document = read(result, tmp_path, "labelme", words=["grey"])
    (shape,) = document["shapes"]
    x0, y0, x1, y1 = result.words[1].box() or ()
    corners = np.array(shape["points"])
    assert corners.min(axis=0).tolist() == [x0, y0]
    assert corners.max(axis=0).tolist() == [x1 - 1, y1 - 1]
    assert (document["imageWidth"], document["imageHeight"]) == (64, 48)


def test_label_pictures_number_the_words(tmp_path: Path) -> None:
    result = blocks()
    masks = [word.mask() for word in (result.words[1], result.words[5])]
    with Image.open(write_masks(result, tmp_path / "a.png", "voc", ["grey", "bench"])) as labels:
        assert labels.mode == "P"
        palette = labels.getpalette() or []
        assert palette[3:9] == [128, 0, 0, 0, 128, 0]
        np.testing.assert_array_equal(labels, 1 * masks[0] + 2 * masks[1])
        assert json.loads(labels.text["Categories"]) == ["background", "grey", "bench"]
    with Image.open(write_masks(result, tmp_path / "b.png", "png", ["grey", "bench"])) as white:
        np.testing.assert_array_equal(white, 255 * (masks[0] | masks[1]))


@pytest.mark.parametrize("kind", FORMATS)
def test_only_tams_own_files_are_replaced(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"masks{FORMATS[kind]}"
    write_masks(blocks(), path, kind)
    assert is_marked(path)
    with pytest.raises(OutputError, match="exists already"):
        write_masks(blocks(), path, kind)
    write_masks(blocks(), path, kind, force=True)
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(OutputError, match="not an unchanged file"):
        write_masks(blocks(), path, kind, force=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "svg"}, "unknown kind of mask file"),
        ({"kind": "png"}, "the explanation has 3 pictures"),
        ({"kind": "voc", "media": 2}, "give --frame"),
        ({"kind": "coco", "media": 7}, "out of range"),
        ({"kind": "coco", "threshold": "half"}, "unknown threshold"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    options: dict[str, object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        write_masks(several(), tmp_path / "a.json", **options)


def test_the_command_writes_beside_the_explanation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tam.cli import run

    blocks().save(tmp_path / "saved")
    assert run(["masks", str(tmp_path / "saved"), "--word", "grey", "--threshold", "0.5"]) == 0
    path = tmp_path / "saved-coco.json"
    assert capsys.readouterr().out.strip() == str(path)
    mask = blocks().words[1].mask(threshold=0.5)
    (item,) = json.loads(path.read_text())["annotations"]
    np.testing.assert_array_equal(runs.decode(item["segmentation"]), mask)
