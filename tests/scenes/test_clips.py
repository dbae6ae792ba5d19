"""Clips are a function of their seed, move as stated, and have masks of what is painted."""

from itertools import pairwise

import numpy as np
import pytest

from tam.scenes.clips import FRAMES, MOTIONS, SPEEDS, make_clip
from tam.scenes.motion import clip_caption
from tam.scenes.world import HELD_OUT, split_seed
from tests.scenes.palette import nearest_color

CLIPS = [make_clip(seed) for seed in range(60)]


def test_same_seed_same_clip():
    one, two = make_clip(7, 96, 120), make_clip(7, 96, 120)
    assert one.frames.dtype == np.uint8
    assert one.frames.shape == (FRAMES, 96, 120, 3)
    np.testing.assert_array_equal(one.frames, two.frames)
    assert not np.array_equal(one.frames, make_clip(8, 96, 120).frames)


def test_objects_move_as_they_say():
    seen = set()
    for item in (item for clip in CLIPS for item in clip.objects):
        steps = {tuple(np.round(np.subtract(b, a), 6).tolist()) for a, b in pairwise(item.centers)}
        assert len(steps) == 1, "an even speed"
        (step,) = steps
        way = MOTIONS.get(item.motion, (0, 0))
        length = float(np.abs(step).sum())
        assert step == pytest.approx((way[0] * length, way[1] * length))
        assert length == 0 or SPEEDS[0] <= length <= SPEEDS[1]
        seen.add(item.motion)
    assert seen == {*MOTIONS, "still"}


def test_the_masks_move_with_the_objects():
    """If an object is whole in a frame, its mask is centred where the object is stated to be."""
    whole = 0
    for item in (item for clip in CLIPS for item in clip.objects):
        for mask, center in zip(item.mask, item.centers, strict=True):
            if mask.sum() > 0.97 * item.area:
                rows, columns = mask.nonzero()
                assert columns.mean() + 0.5 == pytest.approx(center[0], abs=1.5)
                assert rows.mean() + 0.5 == pytest.approx(center[1], abs=1.5)
                whole += 1
    assert whole > 100


def test_masks_are_disjoint_and_show_their_color():
    for clip in CLIPS[:20]:
        assert sum(item.mask.astype(int) for item in clip.objects).max() <= 1
        for item in clip.objects:
            assert nearest_color(clip.frames[item.mask].mean(axis=0)) == item.color


def test_what_is_behind_is_hidden_by_what_is_in_front():
    found = 0
    for clip in CLIPS:
        for item in clip.objects:
            if item.behind is None:
                continue
            found += 1
            front = clip.objects[item.behind]
            assert front.behind is None
            # It shows fewer pixels than the whole object in a frame where the other one is near.
            frame = int(item.mask.sum(axis=(1, 2)).argmin())
            assert item.mask[frame].sum() < item.area
    assert found >= 5


def test_every_object_is_shown_in_half_of_the_frames_and_some_leave():
    shown = [item.shown() for clip in CLIPS for item in clip.objects]
    assert all(when.sum() >= FRAMES // 2 for when in shown)
    assert any(not when.all() for when in shown)


def test_training_clips_never_show_a_held_out_combination():
    pairs = {item.pair for clip in CLIPS for item in clip.objects}
    assert not pairs & HELD_OUT
    for index in range(10):
        clip = make_clip(split_seed("combinations", index))
        assert {item.pair for item in clip.objects} & HELD_OUT


def test_a_small_canvas_still_makes_a_clip():
    for seed in range(30):
        clip = make_clip(seed, 48, 48)
        assert clip.frames.shape == (FRAMES, 48, 48, 3)
        assert all(item.mask.any() for item in clip.objects)
        assert clip_caption(clip)


def test_a_clip_without_an_object_is_the_same_elsewhere() -> None:
    several = [seed for seed in range(30) if len(make_clip(seed).objects) == 2]
    for seed in several[:6]:
        whole = make_clip(seed)
        for index, item in enumerate(whole.objects):
            rest = make_clip(seed, without=index)
            assert [other.pair for other in rest.objects] == [whole.objects[1 - index].pair]
            changed = (rest.frames != whole.frames).any(axis=3)
            assert not changed[~item.mask].any()
            assert changed[item.mask].mean() > 0.9
