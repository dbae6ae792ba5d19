"""Corrections of false words: by hand, and where hiding a known object flips the word."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

import tam
from tam.evaluate.corrections import (
    BUDGET,
    FalseWord,
    correction_lines,
    correction_region,
    false_words,
    right_words,
)
from tam.evaluate.faithfulness import Frames
from tam.evaluate.items import Item
from tam.evaluate.plan import Plan
from tam.evaluate.runner import item_blocks
from tam.evaluate.scene_items import CATEGORIES, scene_items
from tam.evaluate.stacking import stacked_frames
from tam.evaluate.tagging import scene_tagger
from tam.replay import Replay
from tests.hand_made import explanation

# Four bright pixels of a hundred make the model say the false word.
FRAMES = np.zeros((1, 10, 10, 3), np.uint8)
FRAMES[0, :2, :2] = 250
PATCH = (FRAMES[..., 0] > 0).astype(np.float32)


def lead(versions: Sequence[Frames]) -> NDArray[np.float64]:
    """Return the lead of the false word: above 0 as long as two of the pixels are bright."""
    return np.array([(v[0, :2, :2, 0] > 200).sum() - 1.5 for v in versions])


def test_the_region_is_the_first_share_that_corrects() -> None:
    # Steps of 2.5 % hide 2, 5, 8, ... pixels. The first leaves two bright, the second none.
    assert correction_region(FRAMES, PATCH, lead) == 0.05
    # Last of all, it takes 98 hidden pixels to leave two: not enough.
    assert correction_region(FRAMES, -PATCH, lead) == 1
    # With the patch after nine others, 10 % hide one of it, and 12.5 % (12 pixels) three.
    others = PATCH.copy()
    others[0, 9, :9] = 2
    assert correction_region(FRAMES, others, lead) == 0.125


def test_a_word_that_comes_back_counts_at_its_first_correction() -> None:
    calls = []

    def once(versions: Sequence[Frames]) -> NDArray[np.float64]:
        calls.append(len(versions))
        return np.array(
            [-1.0 if (v[0, :2, :2, 0] < 200).any() else 1.0 for v in versions[:-1]] + [1]
        )

    assert correction_region(FRAMES, PATCH, once) == 0.025
    assert calls == [8], "no more is read after the first correction"


def test_a_tenth_of_the_picture_is_a_success() -> None:
    said = explanation(reply=("A", " star"), reply_words=(0, 1))
    height, width = said.media[0].height, said.media[0].width

    def after(share: float) -> FalseWord:
        def lead(versions: Sequence[Frames]) -> NDArray[np.float64]:
            frames = said.media[0].frames
            hidden = np.array([(v != frames).any(-1).mean() for v in versions])
            return np.where(hidden > share - 0.012, -1.0, 1.0)

        return FalseWord("star", (said.prompt_targets + 1,), ("ring",), lead)

    lines = correction_lines(said, [after(BUDGET), after(0.2), after(2.0)])
    assert [line["correction_region"] for line in lines] == [0.1, 0.2, 1.0]
    assert [line["correction_success"] for line in lines] == [1.0, 0.0, 0.0]
    assert height * width > 1000, "so that few pixels have the mean color already"


@pytest.fixture(scope="module")
def small() -> tam.Model:
    return tam.load("small")


def test_right_words_are_of_the_kind_and_in_the_picture() -> None:
    [item] = scene_items("many", 1)
    colors = {word for word in item.references[0].replace(",", "").split() if word in item.kinds[0]}
    shown = [word for word in item.kinds[0] if word in colors]
    assert right_words(item, "black" if "black" not in shown else "blue") == tuple(shown)
    assert right_words(item, shown[0]) == tuple(shown[1:])
    assert right_words(item, "nothing") == ()


def judged(item: Item, word: str, text: str) -> Item:
    """Return the item as if all mentions of a word were false, and nothing of it shown."""
    spans = [i for i in range(len(text)) if text.startswith(word, i)]
    masks = {number: mask for number, mask in item.masks.items() if number != CATEGORIES[word]}
    return replace(
        item,
        answer=text,
        masks=masks,
        false_spans=tuple((start, start + len(word)) for start in spans),
    )


def test_hiding_the_object_that_a_word_is_about_flips_it(small: tam.Model) -> None:
    """The word is true, so what must be hidden is known: the object of its color."""
    flipped = 0
    for item in scene_items("same-shape", 3):
        text = item.references[0]
        color = next(word for word in text.split() if word in item.kinds[0])
        given = judged(item, color, text)
        replay = Replay(small.checkpoint, small.run(given.conversation, answer=text))
        found = false_words(small, given, replay)
        if not found:
            continue
        [word] = found
        assert word.text == color
        assert word.targets == replay.trace.text.covering(*given.false_spans[0])
        mask = item.masks[CATEGORIES[color]]
        frames = stacked_frames(item.media)
        heat = mask[None].astype(np.float32)
        region = correction_region(frames, heat, word.lead, steps=10)
        away = correction_region(frames, -heat, word.lead, steps=4)
        assert region <= mask.mean() + 0.1
        assert region < away
        flipped += 1
    assert flipped >= 2


def test_a_planted_word_that_the_model_would_not_say_needs_no_correction(small: tam.Model) -> None:
    [item] = scene_items("false", 1)
    replay = Replay(small.checkpoint, small.run(item.conversation, answer=item.answer))
    assert false_words(small, item, replay) == []


def test_a_run_measures_corrections_and_explains_their_words(small: tam.Model) -> None:
    [item] = scene_items("same-shape", 1)
    color = next(word for word in item.references[0].split() if word in item.kinds[0])
    given = judged(item, color, item.references[0])
    plan = Plan(corrections=True, location=False)
    [block] = item_blocks(plan, small, "small", ["tam"], given, scene_tagger())
    [line] = block.words
    assert line["kind"] == "correction"
    assert line["word"] == color
    assert set(line["right"]) <= set(item.kinds[0]) - {color}
    assert 0 < line["correction_region"] <= 1
    assert block.item["targets"] == 1
