"""What is asked about a training picture, and what is answered."""

from collections.abc import Sequence

import numpy as np

from tam.photo.vocabulary import a

WHAT = ("What is in the picture?", "What does the picture show?", "Describe this image.")
"""Ways to ask for a caption."""


def caption(nouns: Sequence[str]) -> str:
    """A sentence that names objects in their order."""
    if not nouns:
        return "The picture shows no object."
    named = [a(noun) for noun in nouns]
    listed = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
    return f"The picture shows {listed}."


def presence_question(noun: str) -> str:
    """A question that is answered with yes or no."""
    return f"Is there {a(noun)} in the picture?"


def presence_answer(noun: str, present: bool) -> str:
    """Its answer in a sentence."""
    return f"Yes, there is {a(noun)}." if present else f"No, there is no {noun}."


def exchange(
    nouns: Sequence[str], others: Sequence[str], rng: np.random.Generator
) -> tuple[str, str]:
    """Draw a question and its answer.

    Parameters
    ----------
    nouns
        What is in the picture, from left to right.
    others
        Nouns of which some are not: for questions that are answered with no.
    rng
        Draws the kind of the question: a caption in three of four, else whether something is
        there, which is equally often so and not.
    """
    if rng.random() < 0.75 or not nouns:
        return WHAT[int(rng.choice(3, p=(0.7, 0.15, 0.15)))], caption(nouns)
    present = bool(rng.random() < 0.5)
    pool = list(nouns) if present else [noun for noun in others if noun not in nouns]
    asked = pool[int(rng.integers(len(pool)))]
    return presence_question(asked), presence_answer(asked, present)
