from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from tam.errors import InputError
from tam.evaluate.data_sets import open_data
from tam.evaluate.photo_items import PHOTO_SPLITS, categories, photo_items
from tam.photo.assembly import PIXELS
from tam.photo.pack import compose, mosaic, open_pack


def test_what_is_left_out_is_all_that_changes() -> None:
    scene = compose(open_pack(), 3, seed=4)
    picture, masks = scene.render()
    for index, mask in enumerate(masks):
        without, _ = scene.without(index).render()
        changed = (without != picture).any(axis=2)
        assert changed.any()
        # Edge pixels that are less than half covered change too, but belong to no mask.
        grown = np.pad(mask, 2)
        near = np.lib.stride_tricks.sliding_window_view(grown, (5, 5)).any(axis=(2, 3))
        assert not (changed & ~near).any()


def test_the_same_seed_is_the_same_scene() -> None:
    first, again = (compose(open_pack(), 2, seed=7).render()[0] for _ in range(2))
    assert (first == again).all()


def test_a_mosaic_is_covered_by_its_parts() -> None:
    picture, parts = mosaic(open_pack(), 3, seed=1)
    assert picture.shape == (PIXELS, PIXELS, 3)
    assert (np.sum([inside for _, inside in parts], axis=0) == 1).all()
    assert len({noun for noun, _ in parts}) == 9


@pytest.mark.parametrize("split", PHOTO_SPLITS)
def test_items_hold_together(split: str) -> None:
    pack = open_pack()
    for item in photo_items(pack, split, 3):
        assert {mask.shape for mask in item.masks.values()} == {item.size}
        assert all(mask.any() for mask in item.masks.values())
        named = {noun for noun, number in categories(pack).items() if number in item.masks}
        assert all(noun in item.references[0] for noun in named)
        for first, last in item.false_spans:
            assert item.answer is not None
            assert item.answer[first:last] not in named


def test_an_own_pack(tmp_path: Path) -> None:
    for noun, colour in (("red cube-1", "red"), ("red cube-2", "maroon"), ("ball", "blue")):
        (tmp_path / "cutouts").mkdir(exist_ok=True)
        picture = Image.new("RGBA", (20, 20))
        picture.paste(colour, (4, 4, 16, 16))
        picture.save(tmp_path / "cutouts" / f"{noun}.png")
    with pytest.raises(InputError, match="holds no pictures"):
        open_pack(tmp_path)
    (tmp_path / "backgrounds").mkdir()
    Image.new("RGB", (30, 30), "green").save(tmp_path / "backgrounds" / "plain.jpg")
    pack = open_pack(tmp_path)
    assert pack.nouns == ("ball", "red cube")
    items, tagger = open_data(f"photo:{tmp_path}", splits=["two"], count=1)
    assert set(next(items).categories) == {"ball", "red cube"}
    assert tagger.kind("cube") == "noun"
    with pytest.raises(InputError, match="has 0 photographs"):
        mosaic(pack, 2, seed=0)


def test_a_cut_out_needs_transparency(tmp_path: Path) -> None:
    (tmp_path / "cutouts").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "cutouts" / "box.png")
    with pytest.raises(InputError, match="no transparent part"):
        open_pack(tmp_path)


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(InputError, match="unknown split 'five'"):
        next(photo_items(open_pack(), "five", 1))


@pytest.mark.parametrize("split", ["two", "pictures", "clip", "frames"])
def test_only_the_pixels_of_what_is_removed_change(split: str) -> None:
    [item] = photo_items(open_pack(), split, 1)
    removals = item.removals()
    assert len(removals) == 2
    shown = np.concatenate([frame for media in item.media for frame in media.frames])
    for removal in removals:
        assert [media.kind for media in removal.media] == [media.kind for media in item.media]
        left = np.concatenate([frame for media in removal.media for frame in media.frames])
        difference = np.abs(left.astype(int) - shown).max(2)
        assert removal.mask.shape == difference.shape
        # An object also tints the pixels of its soft border.
        near = ndimage.binary_dilation(removal.mask, iterations=3)
        assert (difference[near] > 0).mean() > 0.5
        assert difference[~near].max() <= 1
