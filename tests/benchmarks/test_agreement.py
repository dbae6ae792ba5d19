import numpy as np

import tam
from benchmarks.agreement import agreements, line
from tam.evaluate.scene_items import scene_items
from tam.evaluate.substitution import WordEffect, word_effects
from tam.replay import Replay


def test_one_half_of_the_substitutes_is_held_to_the_other() -> None:
    [item] = scene_items("conversation", 1)
    small = tam.load("small")
    replay = Replay(small.checkpoint, small.run(item.conversation, answer=item.answer))
    found = word_effects(replay, item.kinds, 8)
    assert max(len(effect.each) for effect in found) > 3
    assert np.mean(list(agreements(replay, found))) > 0.95, "colors stand for colors"
    # The second half of each word's substitutes says the opposite of the first.
    turned = [
        WordEffect(effect.targets, np.stack([effect.each[0], -effect.each[0]])) for effect in found
    ]
    assert np.mean(list(agreements(replay, turned))) < 0.05
    single = [WordEffect(effect.targets, effect.each[:1]) for effect in found]
    assert not list(agreements(replay, single))


def test_a_line_has_the_mean_over_words_and_its_interval_over_items() -> None:
    assert line([[1.0], [0.5]]) == "AUROC 75 (50 to 100), 2 words"
    assert line([[], []]).startswith("no word")
