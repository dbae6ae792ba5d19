"""Objects of COCO that a text names, which of them are there, and the nouns of expressions."""

import pytest

from tam.evaluate.expressions import head_noun
from tam.evaluate.object_words import category_words, named_objects, object_claims


def test_every_category_has_words_and_each_word_one_category() -> None:
    words = category_words()
    assert len(set(words.values())) == 80
    assert all(words[category] == category for category in set(words.values()))
    assert all(word == word.lower().strip() for word in words)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Two dogs and a hot dog.", ["dog", "hot dog"]),
        ("A Man on a motorbike", ["person", "motorcycle"]),
        ("teddy bears", ["teddy bear"]),
        ("glasses on a dining table", ["wine glass", "dining table"]),
        ("The catalog of a carpenter", []),
        ("buses, women, puppies", ["bus", "person", "dog"]),
        ("", []),
    ],
)
def test_words_for_categories_are_found(text: str, expected: list[str]) -> None:
    found = named_objects(text)
    assert [name for _, _, name in found] == expected
    assert all(text[start:stop].strip() == text[start:stop] for start, stop, _ in found)


def test_an_object_is_there_if_annotated_or_in_a_true_caption() -> None:
    claims = object_claims({"dog"}, ["A puppy on a sofa."])
    text = "A dog on a couch beside a cat."
    said = {text[c.start : c.stop]: c.true for c in claims(text)}
    assert said == {"dog": True, "couch": True, "cat": False}


@pytest.mark.parametrize(
    ("text", "noun"),
    [
        ("left man in red", "man"),
        ("man left", "man"),
        ("the hot dog on the right", "hot dog"),
        ("bus behind the car", "bus"),
        ("a brown goat walking on rocks", "goat"),
        ("cart in the shade", "cart"),
        ("the wooden cart, empty", "cart"),
        ("man behind the other man", None),
        ("top left", None),
        ("the one in front", None),
        ("", None),
    ],
)
def test_the_noun_of_an_expression(text: str, noun: str | None) -> None:
    assert head_noun(text) == noun
