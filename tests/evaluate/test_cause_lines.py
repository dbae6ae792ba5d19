"""The measure ``causes`` of an evaluation, by hand and on scenes, clips and conversations."""

from dataclasses import replace

import numpy as np
import pytest

import tam
from tam.errors import InputError
from tam.evaluate.cause_lines import cause_lines, caused_words, truth
from tam.evaluate.cause_summary import cause_pools, heights
from tam.evaluate.causes import auroc
from tam.evaluate.journal import Block
from tam.evaluate.plan import Plan
from tam.evaluate.runner import item_blocks
from tam.evaluate.scene_items import scene_items
from tam.evaluate.statistics import draws
from tam.evaluate.substitution import WordEffect, relevance_scores, word_effects
from tam.evaluate.tagging import scene_tagger
from tam.replay import Replay
from tests.hand_made import explanation


@pytest.fixture(scope="module")
def small() -> tam.Model:
    return tam.load("small")


def test_relevance_is_held_to_the_effects_of_earlier_words() -> None:
    original = explanation(reply=("A", " red", " star", " and", " a", " red", " ring"))
    first = original.prompt_targets
    square = np.zeros((len(original.tokens), len(original.tokens)), np.float32)
    # For "ring": the red before it 0.9, the first red 0.2, the star 0.5.
    ring = first + 6
    square[ring, [first + 5, first + 1, first + 2]] = [0.9, 0.2, 0.5]
    told = replace(original, relevance=square, text_scores=square)
    steps = np.zeros((3, 7))
    steps[:, 6] = [3.0, 1.5, 0.1]
    earlier = [
        WordEffect((first + place,), effects[None])
        for place, effects in zip((5, 1, 2), steps, strict=True)
    ]
    own = WordEffect((ring,), np.full((1, 7), 9.0))
    word = told.words["ring"]
    # Of the pairs (red, star) one is right. Ranks of relevance 3 1 2, of effects 3 2 1.
    assert relevance_scores(word, [*earlier, own]) == (0.5, pytest.approx(0.5))
    assert relevance_scores(word, earlier[:2]) == (None, None), "nothing to tell them from"
    flat = replace(told, relevance=np.zeros_like(square))
    assert relevance_scores(flat.words["ring"], earlier) == (0.5, None)
    unknown = replace(told, relevance=None, text_scores=None)
    assert relevance_scores(unknown.words["ring"], earlier) == (None, None)


def test_height_is_told_over_all_words_of_a_draw() -> None:
    items = [
        block((0.9, True), (0.3, False)),
        block((0.2, True), (0.9, False)),
        block((0.4, False)),
    ]
    drawn = np.array([[0, 1, 2], [0, 0, 1], [2, 2, 2]])
    found = heights(items, drawn)
    high, low = np.array([0.9, 0.2]), np.array([0.3, 0.9, 0.4])
    assert found[0] == pytest.approx(auroc(high, low))
    assert found[1] == pytest.approx(auroc(np.array([0.9, 0.9, 0.2]), np.array([0.3, 0.3, 0.9])))
    assert np.isnan(found[2]), "nothing is caused there"


def block(*words: tuple[float, bool]) -> Block:
    lines = tuple(
        {"kind": "cause", "split": "first", "causes": int(caused), "height": height}
        for height, caused in words
    )
    return Block({"item": "one"}, lines)


@pytest.mark.parametrize("split", ["many", "clip-two", "follow-up"])
def test_words_are_held_to_their_causes(split: str, small: tam.Model) -> None:
    [item] = scene_items(split, 1)
    plan = Plan(splits=(split,), faithful_words=0, causes=True)
    methods = ["activation", "random"]
    real, noise = item_blocks(plan, small, "small", methods, item, scene_tagger())
    lines = [line for line in real.words if line["kind"] == "cause"]
    [shape] = [line for line in lines if line["index"] == lines[-1]["index"]]
    assert len(shape["effects"]) == len(item.removals())
    assert len(shape["heats"]) == len(shape["effects"]) + 1
    assert max(line["causes"] for line in lines) >= 1
    told = cause_pools([real])["cause_auroc"].means(draws(1))[0]
    assert told > 0.5
    assert [line["effects"] for line in lines] == [
        line["effects"] for line in noise.words if line["kind"] == "cause"
    ], "the truth is the same for every method"


def test_without_an_object_all_else_is_the_same() -> None:
    for split in ("one", "clip-two", "conversation"):
        [item] = scene_items(split, 1)
        for removal in item.removals():
            shown = np.concatenate([frame for media in item.media for frame in media.frames])
            rest = np.concatenate([frame for media in removal.media for frame in media.frames])
            differs = (shown != rest).any(-1)
            assert removal.mask.shape == differs.shape == item.size
            assert differs[removal.mask].mean() > 0.9
            assert not (differs & ~removal.mask).any()


def test_a_shape_follows_from_the_question_that_names_the_color(small: tam.Model) -> None:
    [item] = scene_items("follow-up", 1)
    replay = Replay(small.checkpoint, small.run(item.conversation, answer=item.answer))
    found = word_effects(replay, item.kinds, item.substitutes)
    tokens = replay.trace.text.tokens
    spelled = {"".join(tokens[t].text for t in effect.targets).strip() for effect in found}
    named = {word for kind in item.kinds for word in kind}
    assert spelled <= named
    assert len(found) >= 3, "asked, answered and said"
    assert len(caused_words(replay.trace)) >= 1
    lines = cause_lines(small.explain_recording(replay.recording), truth(replay, item))
    assert {line["word"] for line in lines} <= {"It", "is"} | named


def test_pictures_that_are_no_renderings_have_no_causes(small: tam.Model) -> None:
    [item] = scene_items("one", 1)
    found = replace(item, removals=tuple)
    replay = Replay(small.checkpoint, small.run(item.conversation, answer="A star."))
    with pytest.raises(InputError, match="cannot be rendered without one of its objects"):
        truth(replay, found)
