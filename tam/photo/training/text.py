"""Questions about training pictures, and their answers."""

from collections.abc import Sequence

import numpy as np

from tam.photo.vocabulary import a, animals

_FIRST = 0.3
"""Share of the first question among those for a caption; the others have equal shares."""


def caption(nouns: Sequence[str], opening: str = "The picture shows") -> str:
    """Return a sentence that begins with ``opening`` and names objects in the given order."""
    if not nouns:
        return "The picture shows no object."
    named = [a(noun) for noun in nouns]
    listed = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
    return f"{opening} {listed}."


def opening(question: str) -> str:
    """Return the beginning of the answer to a question for a caption.

    The language model is frozen, so the projector learns easily what it would have said anyway:
    asked "What is this?", it begins with "This is" far more readily than with "The picture shows".
    """
    if question.endswith("is this?"):
        return "This is"
    return "I see" if "you see" in question else "The picture shows"


def presence_question(noun: str) -> str:
    """Return a yes-no question about the presence of an object."""
    return f"Is there {a(noun)} in the picture?"


def presence_answer(noun: str, present: bool) -> str:
    """Return the answer to such a question as a sentence."""
    return f"Yes, there is {a(noun)}." if present else f"No, there is no {noun}."


def fitting(questions: Sequence[str], nouns: Sequence[str]) -> list[str]:
    """Return the questions that can be asked about a picture of some nouns.

    Questions for an animal or for an object are only asked if the picture shows nothing else.
    """
    known = [noun in animals() for noun in nouns]
    unfit = [
        word
        for word, fits in (
            ("animal", bool(nouns) and all(known)),
            ("object", bool(nouns) and not any(known)),
        )
        if not fits
    ]
    return [question for question in questions if not any(word in question for word in unfit)]


def exchange(
    nouns: Sequence[str],
    others: Sequence[str],
    questions: Sequence[str],
    rng: np.random.Generator,
    presence: float = 0.25,
) -> tuple[str, str]:
    """Draw a question and its answer.

    Parameters
    ----------
    nouns
        The nouns in the picture, from left to right.
    others
        Nouns of which some are not in the picture, for questions whose answer is no.
    questions
        The questions for a caption, the most frequent one first; it must fit any picture.
    rng
        The source of randomness.
    presence
        Share of the questions that ask about an object, which is present half of the time; the
        others ask for a caption.
    """
    if rng.random() < 1 - presence or not nouns:
        forms = fitting(questions, nouns)
        first = rng.random() < _FIRST or len(forms) == 1
        asked = forms[0 if first else int(rng.integers(1, len(forms)))]
        return asked, caption(nouns, opening(asked))
    present = bool(rng.random() < 0.5)
    pool = list(nouns) if present else [noun for noun in others if noun not in nouns]
    noun = pool[int(rng.integers(len(pool)))]
    return presence_question(noun), presence_answer(noun, present)
