"""What can truly be said of a scene: captions, and questions with their answers.

Every sentence is a function of the scene (and, for questions, of a random generator), so a text's
truth can be checked against the masks. Objects are named from left to right.
"""

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np

from tam.scenes.world import COLORS, SHAPES, Scene, SceneObject

CAPTION_PROMPTS: tuple[str, ...] = (
    "Describe this image.",
    "Describe the image.",
    "What is in this image?",
    "What do you see?",
)
NUMBERS: tuple[str, ...] = ("no", "one", "two", "three", "four")


@dataclass(frozen=True)
class Question:
    """A question about a scene, its true answer, and its kind (color, shape, size, ...)."""

    kind: str
    text: str
    answer: str


def caption(scene: Scene) -> str:
    """The true caption: all objects from left to right, then how the first two lie.

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


def name(item: SceneObject) -> str:
    """The object's colour and shape, which no other object of its scene shares."""
    return f"{item.color} {item.shape}"


def relation(first: SceneObject, second: SceneObject) -> str:
    """Where ``first`` lies from ``second``, along the axis on which they are farther apart."""
    dx, dy = (a - b for a, b in zip(first.center, second.center, strict=True))
    if abs(dx) >= abs(dy):
        return "left of" if dx < 0 else "right of"
    return "above" if dy < 0 else "below"


def stated_pairs(text: str) -> set[tuple[str, str]]:
    """The (colour, shape) pairs that a caption names, whatever else it says."""
    found = re.findall(rf"\b({'|'.join(COLORS)}) ({'|'.join(SHAPES)})\b", text)
    return {(color, shape) for color, shape in found}


def questions(scene: Scene, rng: np.random.Generator, count: int) -> list[Question]:
    """Up to ``count`` different questions that have one true answer, in random order."""
    asked = _attribute_questions(scene) + _existence_questions(scene, rng)
    asked.append(_count_question(scene))
    if len(scene.objects) > 1:
        first, second = (
            scene.objects[int(i)] for i in rng.choice(len(scene.objects), 2, replace=False)
        )
        where = relation(first, second)
        asked.append(
            Question(
                "relation",
                f"Where is the {name(first)} from the {name(second)}?",
                f"The {name(first)} is {where} the {name(second)}.",
            )
        )
    # Kinds are drawn evenly, or the many attribute questions would crowd out the others.
    kinds = sorted({item.kind for item in asked})
    rng.shuffle(kinds)
    chosen: list[Question] = []
    while len(chosen) < min(count, len(asked)):
        for kind in kinds:
            left = [item for item in asked if item.kind == kind and item not in chosen]
            if left and len(chosen) < count:
                chosen.append(left[int(rng.integers(len(left)))])
    return chosen


def _attribute_questions(scene: Scene) -> list[Question]:
    asked = []
    colors = Counter(item.color for item in scene.objects)
    shapes = Counter(item.shape for item in scene.objects)
    for item in scene.objects:
        if shapes[item.shape] == 1:
            asked.append(
                Question(
                    "color",
                    f"What color is the {item.shape}?",
                    f"The {item.shape} is {item.color}.",
                )
            )
        if colors[item.color] == 1:
            asked.append(
                Question(
                    "shape",
                    f"What shape is the {item.color} object?",
                    f"The {item.color} object is a {item.shape}.",
                )
            )
        asked.append(
            Question("size", f"How big is the {name(item)}?", f"The {name(item)} is {item.size}.")
        )
    return asked


def _count_question(scene: Scene) -> Question:
    number = len(scene.objects)
    answer = (
        f"There {'is' if number == 1 else 'are'} {NUMBERS[number]} "
        f"object{'' if number == 1 else 's'}."
    )
    return Question("count", "How many objects are there?", answer)


def _existence_questions(scene: Scene, rng: np.random.Generator) -> list[Question]:
    """One colour or shape asked after, present or absent with even odds."""
    words = [item.color for item in scene.objects] + [item.shape for item in scene.objects]
    absent = [word for word in (*COLORS, *SHAPES) if word not in words]
    present = bool(words) and rng.random() < 0.5
    word = str(rng.choice(words if present else absent))
    thing = f"{word} object" if word in COLORS else word
    article = "an" if thing[0] in "aeiou" else "a"
    answer = f"Yes, there is {article} {thing}." if present else f"No, there is no {thing}."
    return [Question("existence", f"Is there {article} {thing}?", answer)]
