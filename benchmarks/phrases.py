"""Compare the rules that make one map of a phrase: ``python benchmarks/phrases.py``.

The small model describes scenes with known masks. For every true "large red circle" in its
captions, with and without the words before it ("a large"), the maps are merged by each rule and
compared with the object's visible pixels: whether the peak lies inside, the share of the heat
inside, and the overlap at Otsu's threshold. Intervals are 95 % bootstrap intervals over scenes.
"""

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

import tam
from tam.evaluate.localization import (
    bootstrap_interval,
    energy_in_object,
    iou_at_otsu,
    peak_in_object,
)
from tam.explanation.explanation import Explanation
from tam.explanation.merge import MERGES
from tam.media.media import image_from_array
from tam.scenes.world import Scene, make_scene, split_seed

MEASURES = {"peak": peak_in_object, "energy": energy_in_object, "IoU": iou_at_otsu}
FORMS = {"two words": "{}", "with article and size": "an? (?:small |large )?{}"}


@dataclass(frozen=True)
class Value:
    """One measure of one phrase."""

    scene: int
    form: str
    rule: str
    measure: str
    value: float


def values(scene: int, world: Scene, result: Explanation) -> Iterator[Value]:
    """Measure each true phrase of a caption, merged by each rule."""
    for pair in {item.pair for item in world.objects}:
        mask = np.logical_or.reduce([item.mask for item in world.objects if item.pair == pair])
        for form, pattern in FORMS.items():
            phrase = re.search(pattern.format(" ".join(pair)), result.text, re.IGNORECASE)
            if phrase is None:
                continue
            for rule in MERGES:
                heat = result.phrase(phrase.group(), merge=rule).map(0)
                for measure, function in MEASURES.items():
                    yield Value(scene, form, rule, measure, function(heat, mask))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=300)
    parser.add_argument("--model", default="small")
    given = parser.parse_args()
    # 16 x 16 vision cells of 8 pixels.
    worlds = [
        make_scene(split_seed("validation", index), 128, 128) for index in range(given.scenes)
    ]
    questions = [
        (image_from_array(world.image, "scene"), "Describe this image.") for world in worlds
    ]
    found: list[Value] = []
    results = tam.load(given.model).explain_batch(questions, batch_size=16, max_new_tokens=64)
    for scene, (world, result) in enumerate(zip(worlds, results, strict=True)):
        assert isinstance(result, Explanation)
        found += values(scene, world, result)
    for form in FORMS:
        own = [value for value in found if value.form == form]
        count = len(own) // len(MERGES) // len(MEASURES)
        print(f"\n| {form}, {count} phrases | {' | '.join(MEASURES)} |")
        print("|---" * (1 + len(MEASURES)) + "|")
        for rule in MERGES:
            print(f"| {rule} | {' | '.join(interval(own, rule, m) for m in MEASURES)} |")


def interval(found: list[Value], rule: str, measure: str) -> str:
    """Return the mean and interval of one measure under one rule."""
    own = [value for value in found if (value.rule, value.measure) == (rule, measure)]
    numbers = [value.value for value in own]
    low, high = bootstrap_interval(numbers, [value.scene for value in own])
    return f"{np.mean(numbers):.3f} [{low:.3f}, {high:.3f}]"


if __name__ == "__main__":
    main()
