"""Training examples show and describe the content of their scenes."""

import numpy as np
import pytest

from tam.scenes.clips import make_clip
from tam.scenes.examples import EMPTY_EVERY, KINDS, make_example
from tam.scenes.language import caption
from tam.scenes.motion import clip_caption
from tam.scenes.world import make_scene

GRID = (12, 10)


@pytest.mark.parametrize("kind", KINDS)
def test_an_example_is_a_function_of_its_seed(kind):
    one, two = (make_example(kind, 21, GRID, (1, 3), 5) for _ in range(2))
    assert one.turns == two.turns
    np.testing.assert_array_equal(one.frames, two.frames)
    grids = {"pictures": 2, "clip": 3}.get(kind, 1)
    assert one.frames.shape == (grids, 2, 96, 80, 3)
    assert one.owners.shape == (grids, 96, 80)
    assert len(one.shown) == grids
    assert 1 <= len(one.turns) <= 5


def test_a_picture_comes_with_its_caption_and_masks():
    for seed in range(1, EMPTY_EVERY):
        scene = make_scene(seed, 96, 80, (1, 3))
        example = make_example("picture", seed, GRID, (1, 3), 6)
        assert example.conversation or caption(scene) in [said for _, said in example.turns]
        np.testing.assert_array_equal(example.owners[0], scene.owner())
        assert example.shown == (tuple(item.pair for item in scene.objects),)


def test_conversations_follow_a_question_up():
    conversations = [
        example
        for seed in range(80)
        if (example := make_example("picture", seed, GRID, (1, 3), 8)).conversation
    ]
    assert 8 <= len(conversations) <= 32
    asked = [text for example in conversations for text, _ in example.turns]
    assert any(" it?" in text for text in asked)
    for example in conversations:
        # "It" is the object of the previous question.
        assert " it?" not in example.turns[0][0].removesuffix("image?")


def test_two_pictures_are_two_scenes():
    example = make_example("pictures", 6, GRID, (1, 2), 6)
    for at in range(2):
        scene = make_scene(6 + at, 96, 80, (1, 2))
        assert example.shown[at] == tuple(item.pair for item in scene.objects)
        np.testing.assert_array_equal(example.owners[at], scene.owner())


def test_a_clip_names_in_each_grid_what_it_shows_there():
    gone = 0
    for seed in range(60):
        clip = make_clip(seed, 96, 80)
        example = make_example("clip", seed, GRID, (1, 2), 4)
        assert clip_caption(clip) in [answer for _, answer in example.turns]
        for part, pairs in enumerate(example.shown):
            for item in clip.objects:
                visible = item.mask[2 * part : 2 * part + 2].sum(axis=(1, 2)).max()
                assert (item.pair in pairs) == (visible >= 0.5 * item.area)
                gone += item.pair not in pairs
            for index, pair in enumerate(pairs):
                (item,) = (thing for thing in clip.objects if thing.pair == pair)
                both = item.mask[2 * part : 2 * part + 2].all(axis=0)
                np.testing.assert_array_equal(example.owners[part] == index, both)
    assert gone > 0
