import pytest

from tam.photo.held_out import held_out
from tam.photo.naming import names_it, says
from tam.photo.training.pictures import catalogue, held_out_nouns
from tam.photo.training.text import caption, exchange, presence_answer
from tam.photo.vocabulary import a, names


def test_a_class_has_one_name() -> None:
    classes = [number for name in names() for number in name.classes]
    assert len(classes) == len(set(classes))
    assert set(classes) <= set(range(1000))
    dog = next(name for name in names() if name.noun == "dog")
    assert dog.classes == tuple(range(151, 269))


@pytest.mark.parametrize(
    ("noun", "expected"),
    [("cat", "a cat"), ("owl", "an owl"), ("scissors", "scissors"), ("unicycle", "a unicycle")],
)
def test_articles(noun: str, expected: str) -> None:
    assert a(noun) == expected


@pytest.mark.parametrize(
    ("reply", "name", "expected"),
    [
        ("The picture shows a cat.", "cat", True),
        ("Two Cats.", "cat", True),
        ("A caterpillar.", "cat", False),
        ("a polar bear", "polar bear", True),
        ("foxes", "fox", True),
    ],
)
def test_a_reply_says_a_name_as_a_word(reply: str, name: str, expected: bool) -> None:
    assert says(reply, name) is expected


def test_any_accepted_name_counts() -> None:
    assert names_it("an ox", ("cow", "ox"))
    assert not names_it("an oxcart", ("cow", "ox"))


def test_what_is_held_out_is_not_learned_from() -> None:
    learned = {(entry.package, entry.path) for entry in catalogue()}
    tested = {(item.package, item.path) for item in held_out()}
    assert not learned & tested
    assert not any("animals.rcc" in entry.path or "/erase." in entry.path for entry in catalogue())
    nouns = {entry.noun for entry in catalogue() if entry.noun}
    assert held_out_nouns() < nouns
    assert 0.15 < len(held_out_nouns()) / len(nouns) < 0.25


def test_captions() -> None:
    assert caption(()) == "The picture shows no object."
    assert caption(("owl",)) == "The picture shows an owl."
    assert caption(("owl", "cat", "scissors")) == "The picture shows an owl, a cat and scissors."
    assert presence_answer("owl", False) == "No, there is no owl."


def test_questions_of_presence_tell_the_truth() -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    for _ in range(200):
        question, answer = exchange(("owl",), ("owl", "cat"), rng)
        if question.startswith("Is there"):
            assert answer.startswith("Yes") == ("owl" in question)
