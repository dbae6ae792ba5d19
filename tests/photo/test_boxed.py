from pathlib import Path

import numpy as np
import pytest

from tam.errors import InputError, OutputError
from tam.evaluate.folder_items import folder_items
from tam.photo.boxed import box_mask, boxed_photographs
from tam.photo.held_out import held_out
from tam.photo.marked import write_folder


def test_every_box_is_of_a_held_out_photograph_and_leaves_room() -> None:
    lines = Path("tam/photo/boxes.tsv").read_text(encoding="utf-8").splitlines()[1:]
    known = {(item.package, item.path) for item in held_out()}
    rows = [line.split("\t") for line in lines]
    assert len(rows) == len({(row[0], row[1]) for row in rows}) >= 12
    for package, path, *sides in rows:
        assert (package, path) in known
        left, top, right, bottom = map(int, sides)
        assert 0 <= left < right <= 100
        assert 0 <= top < bottom <= 100
        assert (right - left) * (bottom - top) < 5500, path


def test_photographs_become_a_folder_to_evaluate(tmp_path: Path) -> None:
    photographs = list(boxed_photographs(None))
    found = {noun: p for p in photographs for noun in p.masks}
    assert list(map(len, (p.masks for p in photographs))) == [1, 1, 1]
    assert set(found) == {"rocket", "temple", "flower"}
    folder = tmp_path / "boxed"
    assert write_folder(iter(photographs), folder) == 3
    items = list(folder_items(folder))
    for item, (noun, photograph) in zip(items, found.items(), strict=True):
        assert item.answer is not None
        assert noun in item.answer
        mask = item.masks[item.categories[noun]]
        assert np.array_equal(mask, photograph.masks[noun])
        assert np.array_equal(item.media[0].frames[0], photograph.picture)
    rocket = found["rocket"]
    inside = rocket.picture[rocket.masks["rocket"]].mean()
    beside = rocket.picture[:, : rocket.picture.shape[1] // 3].mean()
    assert inside > beside + 30, "the rocket is bright before a dark sky"
    with pytest.raises(OutputError, match="already exists"):
        write_folder(iter(photographs), folder)


def test_a_box_is_in_pixels_and_nothing_is_told(tmp_path: Path) -> None:
    assert np.argwhere(box_mask((4, 6), (1, 2, 4, 3))).tolist() == [[2, 1], [2, 2], [2, 3]]
    with pytest.raises(InputError, match="give --data"):
        write_folder(iter(()), tmp_path / "none")
