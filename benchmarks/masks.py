"""Rates the words' masks as labels for segmentation: mean IoU by method and refinement.

    python -m benchmarks.masks --model small --data scenes --split one,many --count 25
    python -m benchmarks.masks --model photo --data photo --split one,two --given --count 25

A class's mask on a picture is the union of the masks of the words that name it, as ``tam masks``
writes them. Its IoU is computed over all pictures together (intersections and unions are summed
first), as in semantic segmentation; mIoU is the mean over classes. A picture counts only for the
classes that its reply names, so that a map is not blamed for what the model leaves unsaid. With
``--given``, the reply is each picture's true caption, which names every class: pseudo-masks are
made this way where the labels of a picture are known, as in weakly supervised segmentation.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import tam
from tam.errors import ended_in_one_line
from tam.evaluate.data_sets import open_data
from tam.evaluate.items import Item
from tam.evaluate.measuring import ScoredWords, scored_words
from tam.evaluate.statistics import draws, interval
from tam.explanation import strength
from tam.explanation.word import Word
from tam.files.writing import rewriting_file
from tam.methods.choosing import Chosen, choose
from tam.model.model import Model
from tam.recording.recording import Recording
from tam.refine.refinement import Work, refined
from tam.refine.table import refinements
from tam.replay.replay import Replay

METHODS = "tam,activation,rgf,tam-plus,attention,relevancy,attn-lrp,random,center"
REFINEMENTS = ",color-affinity,state-affinity,attention-affinity,grow-shrink"
HALF = 0.5
"""The threshold of each word's second mask."""


@dataclass(frozen=True)
class Overlap:
    """The numbers of a class's pixels on one picture: in both masks, and in either."""

    both: int
    either: int


def overlaps(
    result: tam.Explanation, item: Item, found: ScoredWords, threshold: float | str
) -> dict[int, Overlap]:
    """Compare the mask of each class that the reply names with the true one."""
    joined: dict[int, NDArray[np.bool_]] = {}
    for tokens, number in zip(found.tokens, found.classes, strict=True):
        if number in item.masks:
            row = Word(result, tokens).cells()
            mask = strength.mask(result, row, threshold=threshold)
            if mask is not None:
                joined[number] = joined.get(number, np.zeros_like(mask)) | mask
    return {
        number: Overlap(
            int((mask & item.masks[number]).sum()), int((mask | item.masks[number]).sum())
        )
        for number, mask in joined.items()
    }


def explained(
    model: Model,
    recording: Recording,
    item: Item,
    found: ScoredWords,
    methods: Sequence[str],
    refinements_tried: Sequence[str],
) -> Iterator[tuple[str, str, tam.Explanation]]:
    """Explain the words that name a class, by every method and then every refinement.

    Yields
    ------
    The method, the refinement ("" for none) and the explanation, in which the maps of all other
    words are unknown.
    """
    replay = Replay(model.checkpoint, recording)
    named = zip(found.tokens, found.classes, strict=True)
    targets = sorted({t for tokens, number in named if number in item.masks for t in tokens})
    if not targets:
        return
    for method in methods:
        chosen = choose(method)
        plain = chosen.run(recording.trace, replay, targets)
        work = Work(replay, targets, partial(rerun, chosen, targets))
        for step in refinements_tried:
            yield method, step, refined(plain, refinements([step]), work) if step else plain


def rerun(chosen: Chosen, targets: Sequence[int], other: Replay) -> tam.Explanation:
    """Explain the words again in a replay of a changed picture."""
    return chosen.run(other.trace, other, targets)


def mean_iou(pictures: Sequence[dict[int, Overlap]]) -> tuple[float, float, float]:
    """Return the mIoU of some pictures, with its 95 % bootstrap interval over whole pictures."""
    classes = sorted({number for picture in pictures for number in picture})
    both, either = (
        np.array(
            [
                [getattr(p[number], name) if number in p else 0 for number in classes]
                for p in pictures
            ],
            np.float64,
        )
        for name in ("both", "either")
    )
    drawn = draws(len(pictures))
    total = either[drawn].sum(1)
    ious = both[drawn].sum(1) / np.where(total > 0, total, np.nan)
    found = interval(np.nanmean(ious, axis=1))
    return found.value, found.low, found.high


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="small")
    parser.add_argument("--data", default="scenes", choices=("scenes", "photo"))
    parser.add_argument("--split", default="one,many", help="of one picture each")
    parser.add_argument("--given", action="store_true", help="true captions as the replies")
    parser.add_argument("--count", type=int, default=25, help="items of each split")
    parser.add_argument("--methods", default=METHODS)
    parser.add_argument("--refine", default=REFINEMENTS)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    asked = parser.parse_args()
    model = tam.load(asked.model)
    items, tagger = open_data(asked.data, splits=asked.split.split(","), count=asked.count)
    methods, steps = asked.methods.split(","), asked.refine.split(",")
    pictures: dict[tuple[str, str, float | str], list[dict[int, Overlap]]] = {}
    count = 0
    for item in items:
        answer = item.references[0] if asked.given else item.answer
        recording = model.run(item.conversation, answer=answer)
        found = scored_words(recording.trace, item, tagger)
        count += 1
        for method, step, result in explained(model, recording, item, found, methods, steps):
            for threshold in ("otsu", HALF):
                pictures.setdefault((method, step, threshold), []).append(
                    overlaps(result, item, found, threshold)
                )
    words = sum(map(len, pictures[methods[0], steps[0], "otsu"]))
    text = table(asked, pictures, f"{count} pictures, {words} classes said on them")
    print(text)
    name = f"masks-{asked.model}-{asked.data}{'-given' if asked.given else ''}.md"
    with rewriting_file(asked.out / name) as temporary:
        temporary.write_text(text, encoding="utf-8")


def table(
    asked: argparse.Namespace,
    pictures: dict[tuple[str, str, float | str], list[dict[int, Overlap]]],
    counted: str,
) -> str:
    """Write the table, with a row for each method and refinement."""
    command = f"--model {asked.model} --data {asked.data} --split {asked.split}"
    command += f" --count {asked.count} --methods {asked.methods}"
    command += " --given" if asked.given else ""
    replies = "true captions" if asked.given else "the model's own replies"
    lines = [
        f"# Masks of words: {asked.model} on {asked.data}, {replies}",
        "",
        f"`python -m benchmarks.masks {command}`; {counted}. mIoU in per "
        "cent, with 95 % bootstrap intervals over pictures: the masks above Otsu's threshold and "
        f"above {HALF} against the true ones.",
        "",
        "| method | refinement | mIoU, Otsu | mIoU, 0.5 |",
        "| --- | --- | ---: | ---: |",
    ]
    for method, refine in dict.fromkeys(key[:2] for key in pictures):
        cells = [
            f"{100 * value:.0f} [{100 * low:.0f}, {100 * high:.0f}]"
            for value, low, high in (
                mean_iou(pictures[method, refine, threshold]) for threshold in ("otsu", HALF)
            )
        ]
        lines.append(f"| {method} | {refine or '–'} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    with ended_in_one_line():
        main()
