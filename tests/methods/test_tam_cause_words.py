"""The relevance of earlier words: what a word loses with another one in their place."""

import numpy as np
import pytest

import tam
from tam.errors import InputError
from tam.evaluate.scene_items import scene_items
from tam.evaluate.substitution import relevance_scores, word_effects
from tam.methods import explain
from tam.methods.tam_cause_words import same_word, substituted
from tam.recording.prepared import special_ids
from tam.replay import Replay
from tam.scenes.world import COLORS
from tam.text.function_words import is_content


@pytest.fixture(scope="module")
def follow_up() -> Replay:
    """A conversation whose reply names the shape of an object that was asked for by its color."""
    [item] = scene_items("follow-up", 1)
    small = tam.load("small")
    return Replay(small.checkpoint, small.run(item.conversation, answer=item.answer))


def test_relevance_is_the_share_that_a_word_loses(follow_up: Replay) -> None:
    trace = follow_up.trace
    first = trace.text.prompt_targets
    found = explain("tam-cause-words", trace, follow_up, substitutes=2, regions=2)
    plain = explain("tam-cause", trace, follow_up, regions=2)
    assert np.array_equal(found.maps, plain.maps, equal_nan=True), "the maps of tam-cause"
    assert found.relevance is not None
    words = found.word_targets
    for word, versions in zip(words, substituted(trace, follow_up, words, 2), strict=True):
        assert len(versions) == 2
        read = follow_up.reworded([{}, *versions]).astype(float)
        for target in range(first, len(trace.text.tokens)):
            loss = (read[0] - read[1:].mean(0))[target - first]
            expected = 1 - np.exp(-max(loss, 0)) if target > word[-1] else 0
            assert found.relevance[target, list(word)] == pytest.approx(expected, abs=1e-4)
    assert np.isnan(found.relevance[:first]).all(), "a word of the prompt has no probability"


def test_substitutes_are_other_words_and_no_markers(follow_up: Replay) -> None:
    trace, tokenizer = follow_up.trace, follow_up.checkpoint.tokenizer
    special = special_ids(follow_up.checkpoint)
    words = explain("tam", trace, follow_up).word_targets
    for word, versions in zip(words, substituted(trace, follow_up, words, 4), strict=True):
        assert 1 <= len(versions) <= 4
        positions = [trace.text.tokens[target].position for target in word]
        for version in versions:
            assert list(version) == positions
            assert not special & set(version.values())
            for target, number in zip(word, version.values(), strict=True):
                assert not same_word(tokenizer.decode([number]), trace.text.tokens[target].text)
        assert len({tuple(version.values()) for version in versions}) == len(versions)


def test_a_color_that_the_model_would_say_is_replaced_by_colors(follow_up: Replay) -> None:
    trace, tokenizer = follow_up.trace, follow_up.checkpoint.tokenizer
    tokens = trace.text.tokens
    words = explain("tam", trace, follow_up).word_targets
    spelled = ["".join(tokens[target].text for target in word).strip() for word in words]
    # The mention in the answer; the model never learned to predict questions.
    color = [word for word, text in zip(words, spelled, strict=True) if text in COLORS][-1]
    [versions] = substituted(trace, follow_up, [color], 2)
    assert {tokenizer.decode(list(v.values())).strip() for v in versions} <= set(COLORS)


def test_it_finds_the_words_that_matter() -> None:
    [item] = scene_items("conversation", 1)
    small = tam.load("small")
    replay = Replay(small.checkpoint, small.run(item.conversation, answer=item.answer))
    effects = word_effects(replay, item.kinds, item.substitutes)
    found = explain("tam-cause-words", replay.trace, replay, regions=1)
    scored = [relevance_scores(word, effects)[0] for word in found.words if is_content(word.text)]
    known = [value for value in scored if value is not None]
    assert len(known) >= 4
    assert np.mean(known) > 0.9


def test_other_methods_take_its_relevance(follow_up: Replay) -> None:
    small = tam.load("small")
    whole = explain("tam-cause-words", follow_up.trace, follow_up)
    found = small.explain_recording(follow_up.recording, relevance="tam-cause-words")
    plain = explain("tam", follow_up.trace, follow_up)
    assert found.relevance is not None
    assert whole.relevance is not None
    assert np.array_equal(found.relevance, whole.relevance, equal_nan=True)
    assert np.array_equal(found.maps, plain.maps, equal_nan=True)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (" cup", "Cup", True),
        (" cup", " cups", True),
        (" butterflies", " butterfly", True),
        (" dog", " cat", False),
        (" white", " while", False),
        (" ", " cat", True),
    ],
)
def test_forms_of_a_word_are_told_from_other_words(one: str, other: str, same: bool) -> None:
    assert same_word(one, other) is same
    assert same_word(other, one) is same


def test_impossible_options_are_refused(follow_up: Replay) -> None:
    with pytest.raises(InputError, match="substitutes: 0 is not possible"):
        explain("tam-cause-words", follow_up.trace, follow_up, substitutes=0)
