"""Compare the rules that make one map of a phrase: ``python benchmarks/phrases.py``.

The small model describes scenes with known masks. For every true "large red circle" in its
captions, with and without the words before it ("a large"), the maps are merged by each rule and
compared with the object's visible pixels: whether the peak lies inside, the share of the heat
inside, and the overlap at Otsu's threshold. Intervals are 95 % bootstrap intervals over scenes.

``--data photo --model photo`` does the same with "a cat" in the given true captions of composites
of one and two objects.
"""

import argparse
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import tam
from tam.errors import ended_in_one_line
from tam.evaluate.localization import (
    bootstrap_interval,
    energy_in_object,
    iou_at_otsu,
    peak_in_object,
)
from tam.evaluate.photo_items import photo_items
from tam.explanation.explanation import Explanation
from tam.explanation.merge import MERGES
from tam.media.media import Media, image_from_array
from tam.photo.pack import open_pack
from tam.scenes.world import make_scene, split_seed

MEASURES = {"peak": peak_in_object, "energy": energy_in_object, "IoU": iou_at_otsu}
FORMS = {
    "scenes": {"two words": "{}", "with article and size": "an? (?:small |large )?{}"},
    "photo": {"with article": "an? {}"},
}
PROMPT = "Describe this image."


@dataclass(frozen=True)
class Case:
    """A picture, the reply if it is given, and the mask of each phrase, bool [H, W]."""

    picture: Media
    answer: str | None
    masks: Mapping[str, NDArray[np.bool_]]


@dataclass(frozen=True)
class Value:
    """One measure of one phrase."""

    scene: int
    form: str
    rule: str
    measure: str
    value: float


def drawn_cases(count: int) -> Iterator[Case]:
    """Yield scenes with 16 x 16 vision cells of 8 pixels; the model describes them."""
    for index in range(count):
        scene = make_scene(split_seed("validation", index), 128, 128)
        masks = {
            " ".join(pair): np.logical_or.reduce([o.mask for o in scene.objects if o.pair == pair])
            for pair in {item.pair for item in scene.objects}
        }
        yield Case(image_from_array(scene.image, "scene"), None, masks)


def photo_cases(count: int) -> Iterator[Case]:
    """Yield composites of one and two objects with their true captions."""
    for index in range(count):
        [item] = photo_items(open_pack(None), "one" if index % 2 else "two", 1, first=index)
        numbers = {number: noun for noun, number in item.categories.items()}
        masks = {numbers[number]: mask for number, mask in item.masks.items()}
        yield Case(item.media[0], item.references[0], masks)


def values(
    scene: int, case: Case, result: Explanation, forms: Mapping[str, str]
) -> Iterator[Value]:
    """Measure each true phrase of a caption, merged by each rule."""
    for words, mask in case.masks.items():
        for form, pattern in forms.items():
            phrase = re.search(pattern.format(words), result.text, re.IGNORECASE)
            if phrase is None:
                continue
            for rule in MERGES:
                heat = result.phrase(phrase.group(), merge=rule).map(0)
                for measure, function in MEASURES.items():
                    yield Value(scene, form, rule, measure, function(heat, mask))


def main() -> None:
    """Measure and print a table for each form of phrase."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=300)
    parser.add_argument("--model", default="small")
    parser.add_argument("--data", default="scenes", choices=tuple(FORMS))
    given = parser.parse_args()
    cases = list((photo_cases if given.data == "photo" else drawn_cases)(given.scenes))
    found: list[Value] = []
    results = tam.load(given.model).explain_batch(
        [(case.picture, PROMPT) for case in cases],
        batch_size=16,
        max_new_tokens=64,
        answer=[case.answer for case in cases],
    )
    for scene, (case, result) in enumerate(zip(cases, results, strict=True)):
        assert isinstance(result, Explanation)
        found += values(scene, case, result, FORMS[given.data])
    for form in FORMS[given.data]:
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
    with ended_in_one_line():
        main()
