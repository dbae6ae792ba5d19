"""A model that was trained on a few questions says so beside any other."""

from dataclasses import replace

import pytest

import tam
from tam.model.assembled import CAPTION_QUESTIONS, FROZEN, QUESTIONS
from tam.photo.training.text import presence_question
from tests.hand_made import picture


@pytest.fixture(scope="module")
def trained_on_a_few() -> tam.Model:
    model = tam.load("small")
    stated = {**model.checkpoint.provenance, "model": FROZEN, "questions": list(QUESTIONS[FROZEN])}
    return tam.Model(replace(model.checkpoint, provenance=stated))


@pytest.mark.parametrize(
    "asked",
    [
        *CAPTION_QUESTIONS,
        presence_question("otter"),
        presence_question("cat"),
        f" {CAPTION_QUESTIONS[0]}\n",
    ],
)
def test_nothing_is_said_of_a_question_that_it_was_trained_on(
    trained_on_a_few: tam.Model, asked: str
) -> None:
    notes = trained_on_a_few.explain(picture(56, 56), asked, max_new_tokens=2).provenance["notes"]
    assert not any("trained" in note for note in notes)


@pytest.mark.parametrize("asked", ["What is this?", "Is there  in the picture?", "Describe"])
def test_any_other_question_is_noted_unless_the_reply_is_given(
    trained_on_a_few: tam.Model, asked: str
) -> None:
    notes = trained_on_a_few.explain(picture(56, 56), asked, max_new_tokens=2).provenance["notes"]
    [told] = [note for note in notes if "was trained on few questions" in note]
    assert told.startswith("photo-frozen was trained on few questions (What is in the picture? ")
    given = trained_on_a_few.explain(picture(56, 56), asked, answer="A dog.")
    assert told not in given.provenance["notes"]
