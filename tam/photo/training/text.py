"""Questions about training pictures, and their answers."""

from collections.abc import Sequence

import numpy as np

from tam.model.assembled import CAPTION_QUESTIONS
from tam.photo.vocabulary import a


def caption(nouns: Sequence[str]) -> str:
    """Return a sentence that names objects in the given order."""
    if not nouns:
        return "The picture shows no object."
    named = [a(noun) for noun in nouns]
    listed = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
    return f"The picture shows {listed}."


def presence_question(noun: str) -> str:
    """Return a yes-no question about the presence of an object."""
    return f"Is there {a(noun)} in the picture?"


def presence_answer(noun: str, present: bool) -> str:
    """Return the answer to such a question as a sentence."""
    return f"Yes, there is {a(noun)}." if present else f"No, there is no {noun}."


def exchange(
    nouns: Sequence[str], others: Sequence[str], rng: np.random.Generator
) -> tuple[str, str]:
    """Draw a question and its answer.

    Parameters
    ----------
    nouns
        The nouns in the picture, from left to right.
    others
        Nouns of which some are not in the picture, for questions whose answer is no.
    rng
        The source of randomness. Three of four questions ask for a caption; the others ask about an
        object, which is present half of the time.
    """
    if rng.random() < 0.75 or not nouns:
        return CAPTION_QUESTIONS[int(rng.choice(3, p=(0.7, 0.15, 0.15)))], caption(nouns)
    present = bool(rng.random() < 0.5)
    pool = list(nouns) if present else [noun for noun in others if noun not in nouns]
    asked = pool[int(rng.integers(len(pool)))]
    return presence_question(asked), presence_answer(asked, present)
