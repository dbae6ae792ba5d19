"""Compares the verdicts of checks with exact causes in scenes.

    python -m benchmarks.check --world validation
    python -m benchmarks.check --world test

The model describes scenes of two to four objects. Each object is removed and the scene rendered
again; what the words lose is the object's effect (:mod:`tam.evaluate.causes`). The words' maps are
checked (:mod:`tam.check`): a map is right if its region holds half of an object that causes the
word. Reported are the AUROC of the score, and for several thresholds how often the verdict is
right: the share of right maps that are called used, the share of wrong ones that are called not
used, and the share without a verdict, with 95 % bootstrap intervals over scenes. Thresholds are
compared on ``validation`` by the mean of the two shares; the threshold in use is evaluated on
``test``. Writes ``check-WORLD-FILLER.md``.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

import tam
from tam.check.regions import marked
from tam.evaluate.causes import LEAST_EFFECT, RELATIONS, auroc, effects
from tam.evaluate.statistics import draws, interval
from tam.explanation.check import verdict
from tam.explanation.explanation import Explanation
from tam.media.media import image_from_array
from tam.prompt.conversation import question
from tam.replay import Replay
from tam.scenes.world import Scene, make_scene, split_seed
from tam.text.function_words import is_content

METHODS = ("tam", "tam-plus", "attention", "random")
THRESHOLDS = (0.1, 0.25, 0.5, 0.69, 1.0, 1.5, 2.0)
PROMPT = "Describe this image."
OBJECTS = (2, 4)
# After all scenes that other measurements use of the world's seeds.
_FIRST = 95_000_000


@dataclass(frozen=True)
class Checked:
    """One word's check, compared with its exact causes.

    Parameters
    ----------
    scene
        Index of its scene.
    right
        Whether its region holds half of an object that causes it.
    score, low, high
        Score and interval of its check, in nats; None if it could not be checked.
    """

    scene: int
    right: bool
    score: float
    low: float
    high: float


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--items", type=int, default=12, help="scenes")
    parser.add_argument("--world", default="validation", help="split of the scenes' seeds")
    parser.add_argument("--model", default="small")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--filler", default="blur", help="what hides a region")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    asked = parser.parse_args()
    model = tam.load(asked.model)
    found: list[Checked] = []
    for index in range(asked.items):
        scene = make_scene(split_seed(asked.world, _FIRST + index), objects=OBJECTS)
        found += checked(model, scene, index, asked.methods.split(","), asked.filler)
        print(f"scene {index + 1} of {asked.items}", flush=True)
    command = (
        f"python -m benchmarks.check --world {asked.world} --items {asked.items} "
        f"--model {asked.model} --methods {asked.methods} --filler {asked.filler}"
    )
    text = table(found, asked.items, command)
    print(text)
    (asked.out / f"check-{asked.world}-{asked.filler}.md").write_text(text, encoding="utf-8")


def checked(
    model: tam.Model, scene: Scene, index: int, methods: Sequence[str], filler: str
) -> Iterator[Checked]:
    """Check the words of a model's description of a scene."""
    picture = image_from_array(scene.image)
    recording = model.run(question([picture], PROMPT), max_new_tokens=64)
    without = []
    for number in range(len(scene.objects)):
        rest = make_scene(scene.seed, objects=OBJECTS, without=number)
        without.append([replace(picture, frames=rest.image[None])])
    lost = effects(Replay(model.checkpoint, recording), without)
    for method in methods:
        plain = model.explain_recording(recording, method=method)
        chosen = [w for w in plain.words if is_content(w.text) or w.text in RELATIONS]
        result = model.check(plain, [word.index or 0 for word in chosen], filler=filler)
        for word in chosen:
            yield from _of_word(result, word.index or 0, lost, scene, index)


def _of_word(
    result: Explanation,
    place: int,
    lost: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    scene: Scene,
    index: int,
) -> Iterator[Checked]:
    word = result.words[place]
    region, found = marked(word), word.check
    if region is None or found is None or found.score is None or found.interval is None:
        return
    effect = lost[[target - result.prompt_targets for target in word.targets]].sum(0)
    right = any(
        effect[number] >= LEAST_EFFECT and region.mask[0][item.mask].mean() >= 0.5
        for number, item in enumerate(scene.objects)
    )
    yield Checked(index, right, found.score, *found.interval)


def table(found: Sequence[Checked], items: int, command: str) -> str:
    """Write the figures, with 95 % intervals over scenes."""
    right = sum(item.right for item in found)
    lines = [
        "# The verdict of a check",
        "",
        f"`{command}`",
        "",
        f"{items} scenes, {len(found)} maps of words that could be checked, {right} of them right. "
        f"AUROC of the score: {_figure(found, items, _ranking)}.",
        "",
        "| threshold (nats) | right maps called used | wrong maps called not used | mean | "
        "no verdict |",
        "| --- | --- | --- | --- | --- |",
    ]
    for threshold in THRESHOLDS:
        figures = (
            partial(_share, threshold=threshold, right=True),
            partial(_share, threshold=threshold, right=False),
            partial(_mean, threshold=threshold),
            partial(_silent, threshold=threshold),
        )
        cells = [_figure(found, items, figure) for figure in figures]
        lines.append(f"| {threshold} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _ranking(rows: Sequence[Checked]) -> float | None:
    high, low = (np.array([r.score for r in rows if r.right is right]) for right in (True, False))
    return auroc(high, low)


def _told(row: Checked, threshold: float) -> bool | None:
    return verdict(row.score, (row.low, row.high), threshold)


def _share(rows: Sequence[Checked], threshold: float, *, right: bool) -> float | None:
    told = [_told(row, threshold) is right for row in rows if row.right is right]
    return float(np.mean(told)) if told else None


def _mean(rows: Sequence[Checked], threshold: float) -> float | None:
    both = [_share(rows, threshold, right=right) for right in (True, False)]
    return None if None in both else float(np.mean([value or 0.0 for value in both]))


def _silent(rows: Sequence[Checked], threshold: float) -> float:
    return float(np.mean([_told(row, threshold) is None for row in rows]))


def _figure(
    rows: Sequence[Checked], items: int, figure: Callable[[Sequence[Checked]], float | None]
) -> str:
    groups: list[list[Checked]] = [[] for _ in range(items)]
    for row in rows:
        groups[row.scene].append(row)
    values = []
    for drawn in draws(items, resamples=300):
        value = figure([row for index in drawn for row in groups[index]])
        values.append(np.nan if value is None else value)
    told = interval(np.array(values))
    return f"{told.value:.2f} ({told.low:.2f} to {told.high:.2f})"


if __name__ == "__main__":
    main()
