"""True statements about two pictures: captions and questions that name one of them."""

import numpy as np

from tam.scenes.language import (
    Question,
    caption,
    count_question,
    draw_evenly,
    existence_questions,
    name,
)
from tam.scenes.world import Scene

ORDINALS: tuple[str, str] = ("first", "second")


def pair_questions(
    scenes: tuple[Scene, Scene], rng: np.random.Generator, count: int
) -> list[Question]:
    """Draw up to ``count`` different questions with a single true answer, in random order."""
    candidates = []
    for ordinal, scene, other in zip(ORDINALS, scenes, scenes[::-1], strict=True):
        place = f"in the {ordinal} picture"
        candidates.append(Question("caption", f"Describe the {ordinal} picture.", caption(scene)))
        candidates += [
            Question("existence", f"{item.text[:-1]} {place}?", item.answer)
            for item in existence_questions(scene.objects, rng)
        ]
        number = count_question(scene.objects)
        candidates.append(Question("count", f"How many objects are {place}?", number.answer))
        candidates += [
            Question(
                "picture",
                f"Which picture is the {name(item)} in?",
                f"The {name(item)} is {place}.",
            )
            for item in scene.objects
            if item.pair not in {elsewhere.pair for elsewhere in other.objects}
        ]
    return draw_evenly(candidates, rng, count)
