"""The scenes as items: what each split promises, exactly."""

import re

import numpy as np
import pytest

from tam.errors import InputError
from tam.evaluate.scene_items import CATEGORIES, SCENE_SPLITS, scene_items
from tam.scenes.language import stated_pairs
from tam.scenes.world import COLORS, SHAPES

WORD = re.compile(rf"\b({'|'.join((*COLORS, *SHAPES))})\b")


@pytest.mark.parametrize("split", SCENE_SPLITS)
def test_items_are_named_reproducible_and_masked(split: str) -> None:
    items = list(scene_items(split, 4))
    assert len({item.name for item in items}) == 4
    again = list(scene_items(split, 2, first=2))
    for item, same in zip(items[2:], again, strict=True):
        assert item.name == same.name
        assert np.array_equal(item.media[0].frames, same.media[0].frames)
    for item in items:
        assert item.split == split
        assert item.size == (item.media[0].frames.shape[0] * 128, 128)
        shown = set(WORD.findall(item.references[0]))
        if split == "follow-up":  # the first turn has one of the words, the answer the other
            shown |= set(WORD.findall(str(item.conversation.turns[1].texts[0])))
        assert {word for word in CATEGORIES if CATEGORIES[word] in item.masks} == shown
        for mask in item.masks.values():
            assert mask.shape == item.size
            assert 0 < mask.mean() < 0.5


def pairs(text: str) -> tuple[list[str], list[str]]:
    found = stated_pairs(text)
    return [color for color, _ in found], [shape for _, shape in found]


def test_splits_are_what_they_are_called() -> None:
    for item in scene_items("one", 5):
        assert len(stated_pairs(item.references[0])) == 1
    for item in scene_items("many", 5):
        assert len(stated_pairs(item.references[0])) == 4
    for item in scene_items("small-objects", 5):
        assert "large" not in item.references[0]
    for split, count in (("clip-one", 1), ("clip-two", 2)):
        for item in scene_items(split, 4):
            assert item.media[0].kind == "video"
            assert len(stated_pairs(item.references[0])) == count
            assert "move" in item.references[0]
    for item in scene_items("same-color", 5):
        colors, _ = pairs(item.references[0])
        assert len(set(colors)) < len(colors)
    for item in scene_items("same-shape", 5):
        _, shapes = pairs(item.references[0])
        assert len(set(shapes)) < len(shapes)


def test_a_clip_s_masks_follow_its_objects() -> None:
    """Every frame's masks lie on the color that they are of; the frames stand below each other."""
    for item in scene_items("clip-one", 6):
        (pair,) = stated_pairs(item.references[0])
        mask = item.masks[CATEGORIES[pair[0]]]
        assert np.array_equal(mask, item.masks[CATEGORIES[pair[1]]])
        frames = item.media[0].frames
        shown = frames.reshape(-1, *frames.shape[2:])[mask].astype(float)
        assert np.abs(shown.mean(0) - COLORS[pair[0]]).max() < 40
        centers = [
            rows.nonzero()[0].mean() for rows in mask.reshape(frames.shape[:3]) if rows.any()
        ]
        if "moves up" in item.references[0]:
            assert centers[0] > centers[-1]


def test_conversations_ask_of_one_picture_in_several_turns() -> None:
    for split, turns in (("conversation", 5), ("follow-up", 3), ("conversation-false", 5)):
        for item in scene_items(split, 4):
            assert len(item.conversation.turns) == turns
            assert len(item.media) == 1
            assert item.conversation.turns[-1].role == "user"
    for item in scene_items("follow-up", 8):
        (named,) = set(WORD.findall(str(item.conversation.turns[1].texts[0])))
        (asked,) = set(WORD.findall(item.answer or ""))
        assert (named in COLORS) != (asked in COLORS)


def test_distractors_are_words_of_nothing_in_the_picture() -> None:
    for item in scene_items("distractors", 5):
        said = " ".join(str(text) for turn in item.conversation.turns for text in turn.texts)
        distracting = set(WORD.findall(said))
        assert len(distracting) == 2
        assert not distracting & set(WORD.findall(item.references[0]))
        assert item.answer == item.references[0]


@pytest.mark.parametrize("split", ["false", "clip-false", "conversation-false"])
def test_a_false_statement_differs_in_one_word_that_is_true_of_nothing(split: str) -> None:
    kinds = set()
    for item in scene_items(split, 12):
        (span,) = item.false_spans
        assert item.answer is not None
        false = item.answer[slice(*span)]
        before, after = item.answer[: span[0]], item.answer[span[1] :]
        truth = item.references[0]
        assert truth.startswith(before)
        assert truth.endswith(after)
        assert CATEGORIES[false] not in item.masks
        true = truth[len(before) : len(truth) - len(after)]
        assert (false in COLORS) == (true in COLORS)
        kinds.add(false in COLORS)
    assert kinds == {True, False}


def test_splits_and_worlds_do_not_share_scenes() -> None:
    pictures = [
        item.media[0].frames.tobytes()
        for world in ("test", "validation", "train")
        for split in SCENE_SPLITS
        for item in scene_items(split, 2, world=world)
    ]
    assert len(set(pictures)) == len(pictures)


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(InputError, match=r"'few'.*same-color"):
        next(scene_items("few", 1))
    with pytest.raises(InputError, match=r"'dev'.*validation"):
        next(scene_items("one", 1, world="dev"))
    with pytest.raises(InputError, match="10000 items"):
        next(scene_items("one", 10_001))
