"""Questions about two pictures have a single true answer."""

import numpy as np

from tam.scenes.language import NUMBERS, caption, stated_pairs
from tam.scenes.pairs import ORDINALS, pair_questions
from tam.scenes.world import make_scene


def test_answers_are_true_of_the_picture_that_is_named():
    kinds = set()
    for seed in range(0, 80, 2):
        scenes = make_scene(seed), make_scene(seed + 1)
        for item in pair_questions(scenes, np.random.default_rng(seed), 8):
            kinds.add(item.kind)
            named = [ordinal for ordinal in ORDINALS if ordinal in f"{item.text} {item.answer}"]
            assert len(named) == 1
            scene = scenes[ORDINALS.index(named[0])]
            other = scenes[1 - ORDINALS.index(named[0])]
            shown = {thing.pair for thing in scene.objects}
            if item.kind == "caption":
                assert item.answer == caption(scene)
            elif item.kind == "count":
                assert NUMBERS[len(shown)] in item.answer
            elif item.kind == "picture":
                (pair,) = stated_pairs(item.text)
                assert pair in shown - {thing.pair for thing in other.objects}
            else:
                words = {word for thing in shown for word in thing}
                asked = item.text.split(" in the ")[0].removeprefix("Is there a")
                present = any(word in asked.split() for word in words)
                assert item.answer.startswith("Yes" if present else "No")
    assert kinds == {"caption", "count", "existence", "picture"}
