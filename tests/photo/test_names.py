from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tam.model.assembled import CAPTION_QUESTIONS, MORE_QUESTIONS
from tam.photo import pack
from tam.photo.held_out import held_out
from tam.photo.naming import names_it, says
from tam.photo.training.pictures import catalogue, held_out_nouns, validation_nouns
from tam.photo.training.text import (
    caption,
    exchange,
    fitting,
    opening,
    presence_answer,
)
from tam.photo.vocabulary import a, animals, names


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
    sources = (Path(pack.__file__).parent / "pack" / "SOURCES.md").read_text(encoding="utf-8")
    grounds = [line for line in sources.splitlines() if "backgrounds/" in line]
    assert len(grounds) == 2
    assert not any(Path(entry.path).name in line for entry in catalogue() for line in grounds)
    nouns = {entry.noun for entry in catalogue() if entry.noun}
    assert held_out_nouns() < nouns
    assert 0.15 < len(held_out_nouns()) / len(nouns) < 0.25
    assert validation_nouns() < nouns - held_out_nouns()
    assert 0.15 < len(validation_nouns()) / len(nouns) < 0.25


def test_captions() -> None:
    assert caption(()) == "The picture shows no object."
    assert caption(("owl",)) == "The picture shows an owl."
    assert caption(("owl", "cat", "scissors")) == "The picture shows an owl, a cat and scissors."
    assert caption(("owl", "cat"), "I see") == "I see an owl and a cat."
    assert caption((), "I see") == caption(())
    assert presence_answer("owl", False) == "No, there is no owl."


def test_questions_of_presence_tell_the_truth() -> None:
    rng = np.random.default_rng(0)
    drawn = [exchange(("owl",), ("owl", "cat"), CAPTION_QUESTIONS, rng) for _ in range(200)]
    about = [(asked, answer) for asked, answer in drawn if asked.startswith("Is there")]
    assert {answer[:3] for _, answer in about} == {"Yes", "No,"}
    assert all(answer.startswith("Yes") == ("owl" in asked) for asked, answer in about)


@pytest.mark.parametrize("share", [0.0, 0.6, 1.0])
def test_the_share_of_questions_of_presence(share: float) -> None:
    rng = np.random.default_rng(0)
    drawn = [exchange(("owl",), ("owl", "cat"), CAPTION_QUESTIONS, rng, share) for _ in range(400)]
    found = sum(asked.startswith("Is there") for asked, _ in drawn) / len(drawn)
    assert found == pytest.approx(share, abs=0.07)


def test_animals_are_the_nouns_of_animal_classes() -> None:
    assert {"dog", "owl", "crab", "snake", "shark"} <= animals()
    assert not animals() & {"castle", "teapot", "banana", "daisy"}


@pytest.mark.parametrize(
    ("nouns", "expected"),
    [
        (("owl",), ["What is it?", "What animal is it?"]),
        (("owl", "cat"), ["What is it?", "What animal is it?"]),
        (("castle",), ["What is it?", "What object is it?"]),
        (("castle", "owl"), ["What is it?"]),
        ((), ["What is it?"]),
    ],
)
def test_an_animal_or_an_object_is_asked_for_only_where_there_is_one(
    nouns: tuple[str, ...], expected: list[str]
) -> None:
    asked = ("What is it?", "What animal is it?", "What object is it?")
    assert fitting(asked, nouns) == expected


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What is in the picture?", "The picture shows"),
        ("Describe this image.", "The picture shows"),
        ("What is this?", "This is"),
        ("What animal is this?", "This is"),
        ("What can you see in the picture?", "I see"),
    ],
)
def test_an_answer_begins_as_its_question_suggests(question: str, expected: str) -> None:
    assert opening(question) == expected
    rng = np.random.default_rng(0)
    drawn = [exchange(("owl",), ("owl", "cat"), (question,), rng) for _ in range(20)]
    assert (question, f"{expected} an owl.") in drawn


def test_all_questions_but_two_fit_any_picture() -> None:
    *always, animal, other = MORE_QUESTIONS
    assert set(CAPTION_QUESTIONS) < set(always)
    assert fitting(MORE_QUESTIONS, ("castle", "owl")) == always
    assert fitting(MORE_QUESTIONS, ("owl",)) == [*always, animal]
    assert fitting(MORE_QUESTIONS, ("castle",)) == [*always, other]


def test_every_question_for_a_caption_is_asked_and_the_first_most_often() -> None:
    rng = np.random.default_rng(0)
    asked = ("First?", "Second?", "What animal is it?", "What object is it?")
    drawn = [exchange(("owl",), ("owl", "cat"), asked, rng) for _ in range(600)]
    forms = Counter(question for question, answer in drawn if answer == caption(("owl",)))
    assert set(forms) == set(asked[:3])
    assert forms["First?"] > 0.25 * forms.total()
    assert exchange((), ("owl",), asked[:1], rng) == ("First?", caption(()))
