"""True statements about a clip: captions and questions about moving objects."""

import numpy as np

from tam.scenes.clips import Clip, MovingObject
from tam.scenes.language import (
    Question,
    attribute_questions,
    count_question,
    draw_evenly,
    existence_questions,
    name,
)

CLIP_PROMPTS: tuple[str, ...] = ("Describe this video.", "What is moving?")


def clip_caption(clip: Clip) -> str:
    """Return the true caption: the motion of every object, from left to right at the start.

    Examples
    --------
    "A small red star moves left, behind the blue square. A large blue square is still."
    """
    if not clip.objects:
        return "An empty picture."
    sentences = []
    for item in clip.objects:
        front = "" if item.behind is None else f", behind the {name(clip.objects[item.behind])}"
        sentences.append(f"A {item.size} {name(item)} {_motion(item)}{front}.")
    return " ".join(sentences)


def clip_questions(clip: Clip, rng: np.random.Generator, count: int) -> list[Question]:
    """Draw up to ``count`` different questions with a single true answer, in random order."""
    candidates = [
        *attribute_questions(clip.objects),
        *existence_questions(clip.objects, rng),
        count_question(clip.objects),
    ]
    for index, item in enumerate(clip.objects):
        text = f"Where does the {name(item)} move?"
        candidates.append(Question("motion", text, f"The {name(item)} {_motion(item)}.", index))
    return draw_evenly(candidates, rng, count)


def _motion(item: MovingObject) -> str:
    return "is still" if item.motion == "still" else f"moves {item.motion}"
