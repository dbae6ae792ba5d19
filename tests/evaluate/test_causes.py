"""Exact causes beside maps, on cases worked out by hand and on a scene."""

from dataclasses import replace

import numpy as np
import pytest

import tam
from tam.evaluate.causes import Causes, auroc, causes, effects, split_of_word
from tam.media.media import image_from_array
from tam.prompt.conversation import question
from tam.replay import Replay
from tam.scenes.world import make_scene
from tests.hand_made import explanation


def test_one_cause_that_is_the_hottest() -> None:
    found = Causes("first", (4.0, 0.2, -0.1), (0.9, 0.3, 0.1, 0.3), 0.95)
    assert found.count == 1
    assert found.hottest is True
    assert found.ranking == 1
    # Ranks of the heats 4, 2.5, 1, 2.5 and of the effects 4, 3, 1, 2: 4.5 / √(4.5 · 5).
    assert found.correlation == pytest.approx(4.5 / np.sqrt(4.5 * 5))


def test_a_map_on_the_wrong_object() -> None:
    found = Causes("first", (4.0, 0.2), (0.1, 0.9, 0.2), 0.9)
    assert found.hottest is False
    assert found.ranking == 0


def test_two_causes_are_ranked_over_the_rest() -> None:
    found = Causes("relation", (2.0, 3.0, 0.0), (0.5, 0.2, 0.3, 0.1), 0.5)
    assert found.count == 2
    assert found.ranking == pytest.approx(3 / 4)
    assert found.hottest is False


def test_what_is_not_caused_has_no_ranking() -> None:
    found = Causes("repeated", (0.5, 0.0), (0.5, 0.2, 0.1), 0.5)
    assert found.count == 0
    assert found.hottest is found.ranking is found.correlation is None
    flat = Causes("first", (3.0, 0.0), (0.0, 0.0, 0.0), 0.0)
    assert flat.hottest is flat.correlation is None
    assert flat.ranking == 0.5


def test_auroc_counts_pairs() -> None:
    assert auroc(np.array([1.0, 3.0]), np.array([1.0, 2.0])) == pytest.approx((0.5 + 0 + 1 + 1) / 4)
    assert auroc(np.array([]), np.array([1.0])) is None


def test_words_are_split_by_what_can_cause_them() -> None:
    words = explanation(reply=("A", " star", " left", " of", " a", " star")).words
    assert [split_of_word(word) for word in words] == [
        "first",
        "first",
        "relation",
        "first",
        "repeated",
        "repeated",
    ]


def test_heat_is_the_mean_over_an_objects_pixels() -> None:
    result = explanation()
    masks = [np.zeros((48, 64), bool) for _ in range(2)]
    masks[0][:10, :10] = masks[1][30:, 40:] = True
    word = result.words[2]  # three tokens
    found = causes(word, np.arange(18, dtype=np.float64).reshape(9, 2), masks)
    heat = word.map()
    rest = ~(masks[0] | masks[1])
    told = [heat[mask].mean() for mask in (*masks, rest)]
    assert found.heats == pytest.approx(told)
    assert found.effects == (4 + 6 + 8, 5 + 7 + 9)
    assert found.height == word.visual


def test_an_object_causes_its_own_words_in_a_scene() -> None:
    model = tam.load("small")
    scene = make_scene(1_000_000_001)
    picture = image_from_array(scene.image)
    recording = model.run(question([picture], "Describe this image."), max_new_tokens=16)
    without = [
        [replace(picture, frames=make_scene(scene.seed, without=index).image[None])]
        for index in range(len(scene.objects))
    ]
    found = effects(Replay(model.checkpoint, recording), without)
    result = model.explain_recording(recording)
    word = result.words[scene.objects[0].shape]
    own = found[[target - result.prompt_targets for target in word.targets]].sum(0)
    assert own[0] > 1
    assert own[0] == own.max()
