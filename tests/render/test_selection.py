from dataclasses import replace

import pytest

from tam.errors import InputError
from tam.render.selection import chosen_words
from tests.hand_made import explanation


def test_words_by_index_text_and_themselves() -> None:
    result = explanation()
    words = result.words
    chosen = chosen_words(result, [2, "grey", words[4], "on a bench"])
    assert [word.text for word in chosen] == ["greyhound", "grey", "a", "on a bench"]
    assert chosen_words(result) == words


def test_a_phrase_keeps_its_rule_and_a_copy_of_the_explanation_takes_it_over() -> None:
    result = explanation()
    phrase = result.phrase("on a bench", merge="first")
    copy = replace(result, maps=result.maps / 2)
    (kept,) = chosen_words(copy, [phrase])
    assert kept.explanation is copy
    assert (kept.cells() == copy.maps[phrase.targets[0]]).all()


def test_together_is_one_word_with_the_highest_of_all_maps() -> None:
    result = explanation()
    (both,) = chosen_words(result, [5, 1], together=True)
    expected = [*result.words[1].targets, *result.words[5].targets]
    assert list(both.targets) == expected
    assert (both.cells() == result.maps[expected].max(axis=0)).all()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([7], r"word index 7 is out of range \(0 to 6\)"),
        ([-1], "word index -1 is out of range"),
        (["cat"], "does not contain 'cat'"),
        ([], "at least one"),
    ],
)
def test_what_is_not_there_is_refused(words: list[int | str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        chosen_words(explanation(), words)
