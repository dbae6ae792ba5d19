"""Masks of untrusted data sets: equal to pycocotools where it is right, refused where it is not."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco_mask

from tam.errors import InputError, MediaError, SetupError
from tam.evaluate import annotations
from tam.evaluate.annotations import class_masks, inside, label_image, segmentation_mask

SIZE = (7, 9)


@settings(deadline=None)
@given(st.lists(st.booleans(), min_size=63, max_size=63))
def test_packed_and_plain_run_lengths_are_pycocotools_s(pixels: list[bool]) -> None:
    wanted = np.array(pixels).reshape(SIZE)
    packed = coco_mask.encode(np.asfortranarray(wanted.astype(np.uint8)))
    text = {"size": list(SIZE), "counts": packed["counts"].decode()}
    assert np.array_equal(segmentation_mask(text, SIZE, "x"), wanted)
    counts = annotations.unpacked_counts(text["counts"], "x")
    plain = {"size": list(SIZE), "counts": counts}
    assert np.array_equal(segmentation_mask(plain, SIZE, "x"), wanted)


def test_long_runs_are_unpacked() -> None:
    wide = np.zeros((300, 400), np.uint8)
    wide[100:250, 37:390] = 1
    wide[20:22] = 1
    packed = coco_mask.encode(np.asfortranarray(wide))
    text = {"size": [300, 400], "counts": packed["counts"].decode()}
    assert np.array_equal(segmentation_mask(text, (300, 400), "x"), wide > 0)


def test_several_polygons_are_one_mask() -> None:
    boxes = [[1, 1, 4, 1, 4, 4, 1, 4], [5, 2, 8, 2, 8, 6, 5, 6]]
    mask = segmentation_mask(boxes, SIZE, "x")
    assert mask.sum() == 9 + 12
    assert mask[1:4, 1:4].all()
    assert mask[2:6, 5:8].all()
    assert not segmentation_mask([], SIZE, "x").any()


@pytest.mark.promise("evaluation", "masks of a different size than their picture", "refused")
@pytest.mark.parametrize(
    "segmentation",
    [
        {"size": [9, 7], "counts": [63]},
        {"size": list(SIZE), "counts": [62]},
        {"size": list(SIZE), "counts": [64, -1]},
        {"size": list(SIZE), "counts": [10**30]},
        {"size": list(SIZE), "counts": [63.0]},
        {"size": list(SIZE), "counts": "P"},
        {"size": list(SIZE), "counts": "~~~"},
        {"size": list(SIZE), "counts": "o" * 50},
        {"size": list(SIZE), "counts": None},
        {"counts": [63]},
        [[1, 1, 4, 1]],
        [[1, 1, 4, 1, 4, 1e9]],
        [[1, 1, 4, 1, 4, float("nan")]],
        [[1, 1, 4, 1, 4, "4"]],
        [5],
    ],
)
def test_what_does_not_fit_the_picture_is_refused(segmentation: object) -> None:
    with pytest.raises(InputError, match="picture 3"):
        segmentation_mask(segmentation, SIZE, "picture 3")


def test_without_pycocotools_polygons_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pycocotools", None)
    with pytest.raises(SetupError, match=r"\[evaluate\]"):
        segmentation_mask([[1, 1, 4, 1, 4, 4]], SIZE, "x")


def save(path: Path, pixels: NDArray[np.uint8], mode: str | None = None) -> Path:
    image = Image.fromarray(pixels)
    if mode == "P":
        image = Image.fromarray(pixels)
        image.putpalette([7, 8, 9] * 256)
    image.save(path)
    return path


def test_label_images_hold_ids_as_grey_levels_or_palette_indices(tmp_path: Path) -> None:
    labels = np.arange(63, dtype=np.uint8).reshape(SIZE)
    for mode in (None, "P"):
        path = save(tmp_path / f"{mode}.png", labels, mode)
        assert np.array_equal(label_image(path, SIZE), labels)
    masks = class_masks(label_image(path, SIZE), {"dog": 3, "cat": 62, "bird": 99})
    assert sorted(masks) == [3, 62]
    assert masks[3].sum() == 1
    assert masks[62][-1, -1]


def test_a_mask_of_another_kind_is_refused(tmp_path: Path) -> None:
    color = save(tmp_path / "color.png", np.zeros((*SIZE, 3), np.uint8))
    with pytest.raises(InputError, match="color picture"):
        label_image(color, SIZE)
    grey = save(tmp_path / "grey.png", np.zeros(SIZE, np.uint8))
    with pytest.raises(InputError, match="9×7, its picture 9×9"):
        label_image(grey, (9, 9))
    with pytest.raises(MediaError, match="no such file"):
        label_image(tmp_path / "missing.png", SIZE)


@pytest.mark.promise("evaluation", "a data set that refers to files outside its folder", "refused")
@pytest.mark.parametrize("name", ["../x.png", "/etc/passwd", "a/../../x.png"])
def test_a_data_set_cannot_name_files_outside_of_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="outside"):
        inside(tmp_path, name)
    assert inside(tmp_path, "a/b.png") == tmp_path.resolve() / "a/b.png"
