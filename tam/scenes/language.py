"""True statements about a scene: captions, questions with their answers, and conversations.

Every sentence is a function of the scene (and, for questions, of a random generator), so its truth
can be checked against the masks. Objects are named from left to right. Functions that need only the
words of objects also accept the objects of a clip.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

import numpy as np

from tam.scenes.world import COLORS, SHAPES, Scene, SceneObject

CAPTION_PROMPTS: tuple[str, ...] = (
    "Describe this image.",
    "Describe the image.",
    "What is in this image?",
    "What do you see?",
)
NUMBERS: tuple[str, ...] = ("no", "one", "two", "three", "four")


class Named(Protocol):
    """An object with words for its color, shape and size."""

    @property
    def color(self) -> str:
        """Its color word."""

    @property
    def shape(self) -> str:
        """Its shape word."""

    @property
    def size(self) -> str:
        """Its size word."""

    @property
    def pair(self) -> tuple[str, str]:
        """(color, shape)."""


@dataclass(frozen=True)
class Question:
    """A question about a scene, its true answer, and its kind (color, shape, size, ...).

    ``about`` is the index of the one object that the answer describes, if there is one.
    """

    kind: str
    text: str
    answer: str
    about: int | None = None


def caption(scene: Scene) -> str:
    """Return the true caption: all objects from left to right, then how the first two are placed.

    Examples
    --------
    "A small red circle and a large blue star. The red circle is above the blue star."
    """
    if not scene.objects:
        return "An empty picture."
    names = [f"a {item.size} {item.color} {item.shape}" for item in scene.objects]
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    text = f"A{listed[1:]}."
    if len(names) > 1:
        first, second = scene.objects[:2]
        text += f" The {name(first)} is {relation(first, second)} the {name(second)}."
    return text


def name(item: Named) -> str:
    """Return the object's color and shape, a pair that is unique in its scene."""
    return f"{item.color} {item.shape}"


def relation(first: SceneObject, second: SceneObject) -> str:
    """Return where ``first`` lies relative to ``second``, on the axis of the larger distance."""
    dx, dy = (a - b for a, b in zip(first.center, second.center, strict=True))
    if abs(dx) >= abs(dy):
        return "left of" if dx < 0 else "right of"
    return "above" if dy < 0 else "below"


def stated_pairs(text: str) -> set[tuple[str, str]]:
    """Return the (color, shape) pairs that a caption names."""
    found = re.findall(rf"\b({'|'.join(COLORS)}) ({'|'.join(SHAPES)})\b", text)
    return {(color, shape) for color, shape in found}


def questions(scene: Scene, rng: np.random.Generator, count: int) -> list[Question]:
    """Draw up to ``count`` different questions with a single true answer, in random order."""
    candidates = [
        *attribute_questions(scene.objects),
        *existence_questions(scene.objects, rng),
        count_question(scene.objects),
        *_relation_questions(scene, rng),
    ]
    return draw_evenly(candidates, rng, count)


def drill_questions(scene: Scene, rng: np.random.Generator, count: int) -> list[Question]:
    """Draw questions about existence and relation, the kinds that are learned last."""
    candidates = existence_questions(scene.objects, rng, 3) + _relation_questions(scene, rng, 3)
    return draw_evenly(list(dict.fromkeys(candidates)), rng, count)


def draw_evenly(candidates: list[Question], rng: np.random.Generator, count: int) -> list[Question]:
    """Draw up to ``count`` questions, cycling through their kinds.

    A uniform draw would mostly return attribute questions, which are the most numerous.
    """
    kinds = sorted({item.kind for item in candidates})
    rng.shuffle(kinds)
    chosen: list[Question] = []
    while len(chosen) < min(count, len(candidates)):
        for kind in kinds:
            left = [item for item in candidates if item.kind == kind and item not in chosen]
            if left and len(chosen) < count:
                chosen.append(left[int(rng.integers(len(left)))])
    return chosen


def follow_up(
    objects: Sequence[Named], before: Question, rng: np.random.Generator
) -> Question | None:
    """Draw a question about "it", the object that the previous question was about.

    It asks only for what that question and its answer left open; None if nothing is left.
    """
    if before.about is None:
        return None
    item = objects[before.about]
    candidates = [
        Question("follow-up", text, f"It is {answer}.", before.about)
        for text, word, answer in (
            ("What color is it?", item.color, item.color),
            ("What shape is it?", item.shape, f"a {item.shape}"),
            ("How big is it?", item.size, item.size),
        )
        if word not in f"{before.text} {before.answer}"
    ]
    return candidates[int(rng.integers(len(candidates)))] if candidates else None


def attribute_questions(objects: Sequence[Named]) -> list[Question]:
    """Return all unambiguous questions about the color, shape and size of objects."""
    found = []
    colors = Counter(item.color for item in objects)
    shapes = Counter(item.shape for item in objects)
    for index, item in enumerate(objects):
        if shapes[item.shape] == 1:
            found.append(
                Question(
                    "color",
                    f"What color is the {item.shape}?",
                    f"The {item.shape} is {item.color}.",
                    index,
                )
            )
        if colors[item.color] == 1:
            found.append(
                Question(
                    "shape",
                    f"What shape is the {item.color} object?",
                    f"The {item.color} object is a {item.shape}.",
                    index,
                )
            )
        size = f"The {name(item)} is {item.size}."
        found.append(Question("size", f"How big is the {name(item)}?", size, index))
    return found


def count_question(objects: Sequence[Named]) -> Question:
    """Return the question how many objects there are."""
    number = len(objects)
    answer = (
        f"There {'is' if number == 1 else 'are'} {NUMBERS[number]} "
        f"object{'' if number == 1 else 's'}."
    )
    return Question("count", "How many objects are there?", answer)


def existence_questions(
    objects: Sequence[Named], rng: np.random.Generator, number: int = 1
) -> list[Question]:
    """Ask about ``number`` colors and shapes each, present or absent with even odds."""
    found = []
    for kind, words in ((0, tuple(COLORS)), (1, SHAPES)):
        shown = sorted({item.pair[kind] for item in objects})
        absent = [word for word in words if word not in shown]
        for _ in range(number):
            present = bool(shown) and rng.random() < 0.5
            word = str(rng.choice(shown if present else absent))
            thing = word if kind else f"{word} object"
            article = "an" if thing[0] in "aeiou" else "a"
            answer = f"Yes, there is {article} {thing}." if present else f"No, there is no {thing}."
            having = [index for index, item in enumerate(objects) if item.pair[kind] == word]
            about = having[0] if len(having) == 1 else None
            found.append(Question("existence", f"Is there {article} {thing}?", answer, about))
    return found


def _relation_questions(scene: Scene, rng: np.random.Generator, number: int = 1) -> list[Question]:
    """Ask about the relative position of ``number`` random pairs of objects, in both directions."""
    couples = list(combinations(scene.objects, 2))
    drawn = rng.permutation(len(couples))[:number]
    return [
        Question(
            "relation",
            f"Where is the {name(first)} from the {name(second)}?",
            f"The {name(first)} is {relation(first, second)} the {name(second)}.",
        )
        for couple in (couples[int(index)] for index in drawn)
        for first, second in (couple, couple[::-1])
    ]
