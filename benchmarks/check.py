"""Compares the verdicts of checks with exact causes in scenes.

    python -m benchmarks.check --world validation --fillers blur,mean,inpaint --growths 0,0.03,0.06
    python -m benchmarks.check --world validation --thresholds otsu,0.35,0.5
    python -m benchmarks.check --world test --fillers blur,mean,inpaint --growths 0,0.03

The model describes scenes of two to four objects. Each object is removed and the scene rendered
again; what the words lose is the object's effect (:mod:`tam.evaluate.causes`). The maps of some
words of each scene are checked (:mod:`tam.check`) with every combination of filler, growth and
threshold of the mark. A map is right if the region that it marks (without the growth) holds half of
an object that causes the word. Reported are the share of the maps that could be checked, the AUROC
of the score, and how often the verdict is right: the share of right maps that are called used, and
the share of wrong ones that are called not used, with 95 % bootstrap intervals over scenes. *Found*
counts right maps that could not be checked as not called used. Settings are compared on
``validation``, those in use are evaluated on ``test``. Writes ``check-WORLD.md``, or
``check-WORLD-NAME.md`` with ``--name``. The same command resumes a run that was stopped
(``benchmarks/unfinished``).
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

import tam
from benchmarks.unfinished import kept, work_folder
from tam.check.regions import marked
from tam.defaults import FILLER, GROWTH
from tam.errors import ended_in_one_line
from tam.evaluate.causes import LEAST_EFFECT, RELATIONS, Values, auroc, effects
from tam.evaluate.statistics import draws, interval
from tam.explanation.check import LEAST_SCORE, verdict
from tam.explanation.word import Word
from tam.media.media import image_from_array
from tam.prompt.conversation import question
from tam.replay import Replay
from tam.scenes.world import Scene, make_scene, split_seed
from tam.text.function_words import is_content

METHODS = ("tam", "tam-plus", "attention")
VERDICTS = (0.1, 0.25, 0.5, 0.69, 1.0, 1.5, 2.0)
PROMPT = "Describe this image."
OBJECTS = (2, 4)
RESAMPLES = 500
# After all scenes that other measurements use of the world's seeds.
_FIRST = 95_000_000


@dataclass(frozen=True)
class Setting:
    """How regions are marked and hidden, see :func:`tam.check.words.check`."""

    filler: str
    growth: float
    threshold: float | str


@dataclass(frozen=True)
class Checked:
    """A word's check, compared with the word's exact causes.

    Parameters
    ----------
    right
        Whether the marked region holds half of an object that causes the word.
    score, low, high
        Score and interval of the check, in nats; None if the word could not be checked.
    """

    right: bool
    score: float | None
    low: float | None
    high: float | None


Scenes = Sequence[Sequence[Checked]]


def main() -> None:
    """Measure what is missing, and print and write the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--items", type=int, default=8, help="scenes")
    parser.add_argument("--words", type=int, default=8, help="words of each scene and method")
    parser.add_argument("--world", default="validation", help="split of the scenes' seeds")
    parser.add_argument("--model", default="small")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--fillers", default=FILLER)
    parser.add_argument("--growths", default=str(GROWTH))
    parser.add_argument("--thresholds", default="otsu")
    parser.add_argument("--name", default="", help="of the file, after the world")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    asked = parser.parse_args()
    growths = map(float, asked.growths.split(","))
    heights = [text if text == "otsu" else float(text) for text in asked.thresholds.split(",")]
    settings = [Setting(*row) for row in product(asked.fillers.split(","), growths, heights)]
    methods = asked.methods.split(",")
    load = cache(lambda: tam.load(asked.model))
    found: dict[Setting, Scenes] = {}
    for setting in settings:
        name = "-".join(map(str, (asked.world, asked.words, *methods, *asdict(setting).values())))
        path = work_folder([asked.model]) / f"check-{name}.jsonl"
        measure = scorer(load, asked.world, methods, setting, asked.words)
        found[setting] = [
            [Checked(**row) for row in rows] for rows in kept(path, asked.items, measure)
        ]
    options = ("world", "items", "words", "model", "methods", "fillers", "growths", "thresholds")
    command = " ".join(f"--{name} {getattr(asked, name)}" for name in options)
    text = document(found, f"python -m benchmarks.check {command}")
    print(text)
    place = "-".join(filter(None, ("check", asked.world, asked.name)))
    (asked.out / f"{place}.md").write_text(text, encoding="utf-8")


def scorer(
    load: Callable[[], tam.Model], world: str, methods: Sequence[str], setting: Setting, words: int
) -> Callable[[int], list[dict[str, Any]]]:
    """Return a function that checks the words of a scene of a given index, as JSON values."""

    def score(number: int) -> list[dict[str, Any]]:
        scene = make_scene(split_seed(world, _FIRST + number), objects=OBJECTS)
        return [asdict(row) for row in checked(load(), scene, methods, setting, words)]

    return score


def checked(
    model: tam.Model, scene: Scene, methods: Sequence[str], setting: Setting, words: int
) -> Iterator[Checked]:
    """Check words of a model's description of a scene."""
    picture = image_from_array(scene.image)
    recording = model.run(question([picture], PROMPT), max_new_tokens=64)
    without = []
    for number in range(len(scene.objects)):
        rest = make_scene(scene.seed, objects=OBJECTS, without=number)
        without.append([replace(picture, frames=rest.image[None])])
    lost = effects(Replay(model.checkpoint, recording), without)
    for method in methods:
        plain = model.explain_recording(recording, method=method)
        content = [w for w in plain.words if is_content(w.text) or w.text in RELATIONS]
        order = np.random.default_rng(scene.seed).permutation(len(content))[:words]
        places = [content[index].index or 0 for index in sorted(order.tolist())]
        result = model.check(plain, places, **asdict(setting))
        for place in places:
            yield compared(result.words[place], setting, lost, scene)


def compared(word: Word, setting: Setting, lost: Values, scene: Scene) -> Checked:
    """Compare a word's check with the effects of the objects on each token, float64 [R, O]."""
    region, found = marked(word, setting.threshold), word.check
    effect = lost[[target - word.explanation.prompt_targets for target in word.targets]].sum(0)
    right = region is not None and any(
        effect[number] >= LEAST_EFFECT and region.mask[0][item.mask].mean() >= 0.5
        for number, item in enumerate(scene.objects)
    )
    if found is None or found.score is None or found.interval is None:
        return Checked(right, None, None, None)
    return Checked(right, found.score, *found.interval)


def document(found: dict[Setting, Scenes], command: str) -> str:
    """Write a table of the settings, and one of the first setting's thresholds of the verdict."""
    first = next(iter(found))
    maps = [row for rows in found[first] for row in rows]
    lines = [
        "# The verdict of a check",
        "",
        f"`{command}`",
        "",
        f"{len(found[first])} scenes, {len(maps)} maps of words. Used or not used at "
        f"{LEAST_SCORE:.2f} nats, with 95 % intervals over scenes.",
        "",
        "| filler | growth | mark | checked | AUROC | right called used | wrong called not used | "
        "no verdict | found |",
        "| --- | ---: | --- |" + " ---: |" * 6,
    ]
    for setting, scenes in found.items():
        measures = (
            checkable,
            ranking,
            lambda rows: share(rows, LEAST_SCORE, right=True),
            lambda rows: share(rows, LEAST_SCORE, right=False),
            lambda rows: silent(rows, LEAST_SCORE),
            lambda rows: used(rows, LEAST_SCORE),
        )
        cells = [figure(scenes, measure) for measure in measures]
        lines.append(
            f"| {setting.filler} | {setting.growth} | {setting.threshold} | {' | '.join(cells)} |"
        )
    lines += [
        "",
        f"Thresholds of the verdict, with {first.filler}, {first.growth} and {first.threshold}:",
        "",
        "| nats | right called used | wrong called not used | mean | no verdict |",
        "| ---: |" + " ---: |" * 4,
    ]
    for nats in VERDICTS:
        measures = (
            lambda rows, nats=nats: share(rows, nats, right=True),
            lambda rows, nats=nats: share(rows, nats, right=False),
            lambda rows, nats=nats: balanced(rows, nats),
            lambda rows, nats=nats: silent(rows, nats),
        )
        cells = [figure(found[first], measure) for measure in measures]
        lines.append(f"| {nats} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def told(row: Checked, threshold: float) -> bool | None:
    """Return the verdict of a check; None also if the word could not be checked."""
    if row.score is None or row.low is None or row.high is None:
        return None
    return verdict(row.score, (row.low, row.high), threshold)


def measured(rows: Sequence[Checked], right: bool | None = None) -> list[Checked]:
    """Return the maps that could be checked: all, the right ones, or the wrong ones."""
    return [row for row in rows if row.score is not None and right in (None, row.right)]


def checkable(rows: Sequence[Checked]) -> float:
    """Return the share of maps that could be checked."""
    return len(measured(rows)) / len(rows)


def ranking(rows: Sequence[Checked]) -> float | None:
    """Return the AUROC of the score: right maps over wrong ones."""
    high, low = (
        np.array([row.score for row in measured(rows, right)], np.float64)
        for right in (True, False)
    )
    return auroc(high, low)


def share(rows: Sequence[Checked], threshold: float, *, right: bool) -> float | None:
    """Return the share of right (wrong) maps that are called used (not used)."""
    verdicts = [told(row, threshold) is right for row in measured(rows, right)]
    return float(np.mean(verdicts)) if verdicts else None


def balanced(rows: Sequence[Checked], threshold: float) -> float | None:
    """Return the mean of both shares."""
    both = [share(rows, threshold, right=right) for right in (True, False)]
    return None if None in both else float(np.mean([value or 0.0 for value in both]))


def silent(rows: Sequence[Checked], threshold: float) -> float | None:
    """Return the share of checked maps without a verdict."""
    verdicts = [told(row, threshold) is None for row in measured(rows)]
    return float(np.mean(verdicts)) if verdicts else None


def used(rows: Sequence[Checked], threshold: float) -> float | None:
    """Return the share of all right maps, checked or not, that are called used."""
    verdicts = [told(row, threshold) is True for row in rows if row.right]
    return float(np.mean(verdicts)) if verdicts else None


def figure(scenes: Scenes, measure: Callable[[Sequence[Checked]], float | None]) -> str:
    """Return a measure with its interval over scenes."""
    values = []
    for drawn in draws(len(scenes), resamples=RESAMPLES):
        value = measure([row for index in drawn for row in scenes[index]])
        values.append(np.nan if value is None else value)
    found = interval(np.array(values))
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"


if __name__ == "__main__":
    with ended_in_one_line():
        main()
