"""Scenes are a function of their seed, and their masks are exactly what is painted."""

from itertools import pairwise

import numpy as np
import pytest

from tam.scenes.world import (
    AREAS,
    COLORS,
    DIFFICULTIES,
    HELD_OUT,
    SHAPES,
    SPLITS,
    make_scene,
    split_of,
    split_seed,
)
from tests.scenes.palette import nearest_color


def test_same_seed_same_scene():
    one, two = make_scene(7, 96, 160), make_scene(7, 96, 160)
    assert one.image.dtype == np.uint8
    assert one.image.shape == (96, 160, 3)
    np.testing.assert_array_equal(one.image, two.image)
    assert [item.pair for item in one.objects] == [item.pair for item in two.objects]
    assert not np.array_equal(one.image, make_scene(8, 96, 160).image)


def test_masks_are_disjoint_and_show_their_color():
    for seed in range(60):
        scene = make_scene(seed)
        assert sum(item.mask.astype(int) for item in scene.objects).max() <= 1
        for item in scene.objects:
            assert nearest_color(scene.image[item.mask].mean(axis=0)) == item.color


def test_an_object_ends_exactly_where_its_mask_ends():
    """Pixels just outside a mask have the background's color, and pixels inside do not."""
    single = [scene for scene in map(make_scene, range(60)) if len(scene.objects) == 1]
    assert len(single) >= 5
    for scene in single:
        mask = scene.objects[0].mask
        near = np.zeros_like(mask)
        near[1:] |= mask[:-1]
        near[:-1] |= mask[1:]
        near[:, 1:] |= mask[:, :-1]
        near[:, :-1] |= mask[:, 1:]
        color = scene.image[mask].mean(axis=0)
        distance = np.abs(scene.image.astype(float) - color).max(axis=2)
        inside, rim = distance[mask], distance[near & ~mask]
        assert np.quantile(inside, 0.9) < np.quantile(rim, 0.1)


def test_sizes_cover_their_share_of_the_picture():
    shares = {"small": [], "large": []}
    for seed in range(150):
        for item in make_scene(seed, objects=(1, 1)).objects:
            shares[item.size].append(item.mask.sum())
    for size, (low, high) in AREAS.items():
        assert min(shares[size]) > 0.9 * low
        assert max(shares[size]) < 1.1 * high
    assert max(shares["large"]) < 0.1 * 128 * 128


def test_scale_enlarges_the_objects_with_the_picture():
    once = make_scene(11, 128, 128, (1, 1)).objects[0].mask.mean()
    twice = make_scene(11, 256, 256, (1, 1), scale=2).objects[0].mask.mean()
    assert twice == pytest.approx(once, rel=0.05)


def test_objects_are_told_apart_and_stay_visible():
    for seed in range(60):
        scene = make_scene(seed, objects=(4, 4))
        pairs = [item.pair for item in scene.objects]
        assert len(set(pairs)) == len(pairs) >= 3
        assert [item.center[0] for item in scene.objects] == sorted(
            item.center[0] for item in scene.objects
        )
        for item in scene.objects:
            assert item.mask.sum() > 0.5 * AREAS[item.size][0]


def test_owner_names_the_object_of_each_pixel():
    scene = make_scene(5, objects=(3, 3))
    owner = scene.owner()
    for index, item in enumerate(scene.objects):
        np.testing.assert_array_equal(owner == index, item.mask)


def test_splits_are_disjoint_and_named_by_seed():
    ranges = sorted((split.start, split.stop) for split in SPLITS.values())
    assert all(stop <= start for (_, stop), (start, _) in pairwise(ranges))
    for name in SPLITS:
        assert split_of(split_seed(name, 0)) == name
    with pytest.raises(ValueError, match="has no scene"):
        split_seed("validation", 100_000_000)
    with pytest.raises(ValueError, match="no split"):
        split_of(-1)


def test_training_never_shows_a_held_out_combination():
    shown = {
        item.pair for index in range(400) for item in make_scene(split_seed("train", index)).objects
    }
    assert len(HELD_OUT) == 4
    assert not shown & HELD_OUT
    assert shown == {(color, shape) for color in COLORS for shape in SHAPES} - HELD_OUT
    for index in range(20):
        scene = make_scene(split_seed("combinations", index))
        assert {item.pair for item in scene.objects} & HELD_OUT


@pytest.mark.parametrize("name", DIFFICULTIES)
def test_each_difficulty_is_what_it_says(name):
    scenes = [make_scene(seed, difficulty=name) for seed in range(40)]
    counts = {len(scene.objects) for scene in scenes}
    low, high = DIFFICULTIES[name].objects
    assert max(counts) == high
    assert min(counts) >= min(low, 3)
    for scene in scenes:
        words = {
            "same color": [item.color for item in scene.objects],
            "same shape": [item.shape for item in scene.objects],
        }.get(name)
        assert words is None or len(set(words)) < len(words)
        if name == "small objects":
            assert {item.size for item in scene.objects} == {"small"}


def test_an_object_is_called_as_large_as_it_is_painted():
    """If a canvas is too small for a large object, a small one is painted and called small."""
    for seed in range(80):
        for item in make_scene(seed, 48, 48, (1, 1)).objects:
            low, high = AREAS[item.size]
            assert 0.85 * low < item.mask.sum() < 1.1 * high


def test_a_small_canvas_still_makes_a_scene():
    for seed in range(40):
        scene = make_scene(seed, 48, 48, (0, 1))
        assert scene.image.shape == (48, 48, 3)
        assert len(scene.objects) <= 1


@pytest.mark.parametrize("seed", range(12))
def test_a_scene_without_an_object_is_the_same_elsewhere(seed: int) -> None:
    whole = make_scene(seed, difficulty="many objects")
    for index, item in enumerate(whole.objects):
        rest = make_scene(seed, difficulty="many objects", without=index)
        others = [other for other in whole.objects if other is not item]
        assert [other.pair for other in rest.objects] == [other.pair for other in others]
        changed = (rest.image != whole.image).any(axis=2)
        assert not changed[~item.mask].any()
        assert changed[item.mask].mean() > 0.9
        for before, after in zip(others, rest.objects, strict=True):
            # The parts that it hid are now visible, and nothing else changed.
            assert after.mask[before.mask].all()
            assert not (after.mask & ~before.mask & ~item.mask).any()


def test_what_the_object_hid_shows_where_it_is_taken_out() -> None:
    hidden = 0
    for seed in range(40):
        whole = make_scene(seed, difficulty="many objects")
        for index in range(len(whole.objects)):
            rest = make_scene(seed, difficulty="many objects", without=index)
            both = sum(item.mask.sum() for item in rest.objects)
            left = sum(item.mask.sum() for at, item in enumerate(whole.objects) if at != index)
            hidden += both > left
    assert hidden > 0
