"""Sentences about a scene are true of its masks."""

import re

import numpy as np

from tam.scenes.language import (
    NUMBERS,
    caption,
    follow_up,
    questions,
    relation,
    stated_pairs,
)
from tam.scenes.world import COLORS, SHAPES, make_scene


def test_captions_name_every_object_and_nothing_else():
    for seed in range(80):
        scene = make_scene(seed)
        text = caption(scene)
        assert stated_pairs(text) == {item.pair for item in scene.objects}
        listed = re.findall(r"(small|large) (\w+) (\w+)", text.split(".")[0])
        assert listed == [(item.size, item.color, item.shape) for item in scene.objects]


def test_the_relation_of_a_caption_holds_for_the_masks():
    seen = set()
    for seed in range(80):
        scene = make_scene(seed, objects=(2, 4))
        if len(scene.objects) < 2:
            continue
        stated = re.search(r"The \w+ \w+ is (.+) the \w+ \w+\.$", caption(scene)).group(1)
        first, second = (item.center for item in scene.objects[:2])
        holds = {
            "left of": first[0] < second[0],
            "right of": first[0] > second[0],
            "above": first[1] < second[1],
            "below": first[1] > second[1],
        }
        assert holds[stated]
        seen.add(stated)
    assert {"left of", "above", "below"} <= seen


def test_relation_is_turned_round_for_the_other_object():
    opposite = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
    for seed in range(30):
        scene = make_scene(seed, objects=(3, 3))
        first, second = scene.objects[0], scene.objects[-1]
        if first is not second:
            assert relation(second, first) == opposite[relation(first, second)]


def test_answers_are_true():
    kinds = set()
    for seed in range(120):
        scene = make_scene(seed)
        for item in questions(scene, np.random.default_rng(seed), 6):
            kinds.add(item.kind)
            said = set(re.findall(r"\w+", item.answer))
            asked = set(re.findall(r"\w+", item.text))
            if item.kind == "count":
                assert NUMBERS[len(scene.objects)] in said
            elif item.kind == "existence":
                word = next(word for word in (*COLORS, *SHAPES) if word in asked)
                present = any(word in thing.pair for thing in scene.objects)
                assert item.answer.startswith("Yes" if present else "No")
            else:
                words = said & {*COLORS, *SHAPES}
                matching = [thing for thing in scene.objects if words <= {*thing.pair}]
                if item.kind == "relation":
                    assert item.answer.split(" is ")[1].startswith(
                        ("left of", "right of", "above", "below")
                    )
                else:
                    assert len(matching) == 1
                    assert item.kind != "size" or matching[0].size in said
    assert kinds == {"color", "shape", "size", "count", "existence", "relation"}


def test_a_follow_up_asks_what_is_still_open_about_the_same_object():
    kinds = set()
    for seed in range(120):
        scene = make_scene(seed)
        rng = np.random.default_rng(seed)
        for item in questions(scene, rng, 6):
            following = follow_up(scene.objects, item, rng)
            if following is None:
                continue
            thing = scene.objects[item.about]
            answer = re.fullmatch(r"It is (?:a )?(\w+)\.", following.answer).group(1)
            assert answer in (thing.color, thing.shape, thing.size)
            assert answer not in f"{item.text} {item.answer}"
            kinds.add(item.kind)
    assert {"existence", "color", "shape"} <= kinds <= {"existence", "color", "shape", "relation"}


def test_existence_is_asked_with_even_odds():
    answers = [
        item.answer.split(",")[0]
        for seed in range(200)
        for item in questions(make_scene(seed), np.random.default_rng(seed), 20)
        if item.kind == "existence"
    ]
    assert len(answers) == 400
    assert 0.42 < answers.count("Yes") / len(answers) < 0.58


def test_questions_are_different_and_as_many_as_asked_for():
    scene = make_scene(3, objects=(4, 4))
    asked = questions(scene, np.random.default_rng(0), 7)
    assert len(asked) == len({item.text for item in asked}) == 7
    assert questions(scene, np.random.default_rng(0), 0) == []


def test_an_empty_scene_has_a_caption():
    scene = make_scene(0, objects=(0, 0))
    assert caption(scene) == "An empty picture."
    assert stated_pairs(caption(scene)) == set()
