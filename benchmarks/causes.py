"""Do maps tell what made a model say a word? Measured against exact causes in scenes.

    python -m benchmarks.causes [--items 12] [--checked 4] [--world test] [--model small]

Scenes of two to four objects, described by the model itself. Each object is taken out and the scene
rendered again, the same elsewhere; what its words lose is its effect (:mod:`tam.evaluate.causes`).
For each method: whether the hottest object is the strongest cause (words with one cause), AUROC and
Spearman's correlation of heat and effects within the word, and the AUROC with which the height of a
map tells words that something in the picture causes from words that nothing does. With
``--checked`` the first scenes' words are checked, too (:mod:`tam.check`): the AUROC of the score,
a word being rightly marked where its region holds half of an object that causes it. 95 % bootstrap
intervals over scenes. Writes ``causes.md`` and ``causes.json``.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import tam
from tam.check.regions import marked
from tam.evaluate.causes import LEAST_EFFECT, RELATIONS, Causes, auroc, causes, effects
from tam.evaluate.statistics import draws, interval
from tam.explanation.explanation import Explanation
from tam.media.media import image_from_array
from tam.prompt.conversation import question
from tam.replay import Replay
from tam.scenes.world import Scene, make_scene, split_seed
from tam.text.function_words import is_content

METHODS = ("tam", "tam-plus", "activation", "attention", "relevancy", "input-x-gradient", "random")
PROMPT = "Describe this image."
# Behind all scenes that another measurement takes from the world's seeds.
_FIRST = 95_000_000


@dataclass(frozen=True)
class Found:
    """One word of one scene.

    Parameters
    ----------
    method
        The method of its map.
    causes
        Its causes beside its map.
    checked
        Score of its check, and whether its region holds half of an object that causes it; None
        where it was not checked.
    """

    scene: int
    method: str
    word: str
    causes: Causes
    checked: tuple[float, bool] | None = None


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--items", type=int, default=12, help="scenes")
    parser.add_argument("--checked", type=int, default=4, help="scenes whose words are checked")
    parser.add_argument("--world", default="test", help="split of the scenes' seeds")
    parser.add_argument("--model", default="small")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    asked = parser.parse_args()
    model = tam.load(asked.model)
    found: list[Found] = []
    for index in range(asked.items):
        scene = make_scene(split_seed(asked.world, _FIRST + index), objects=(2, 4))
        found += measured(
            model, scene, index, asked.methods.split(","), check=index < asked.checked
        )
        print(f"scene {index + 1} of {asked.items}", flush=True)
    command = (
        f"python -m benchmarks.causes --items {asked.items} --checked {asked.checked} "
        f"--world {asked.world} --model {asked.model} --methods {asked.methods}"
    )
    text = table(found, asked.items, command)
    print(text)
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "causes.md").write_text(text, encoding="utf-8")
    lines: list[dict[str, Any]] = [asdict(item) for item in found]
    (asked.out / "causes.json").write_text(json.dumps(lines) + "\n", encoding="utf-8")


def measured(
    model: tam.Model, scene: Scene, index: int, methods: Sequence[str], *, check: bool
) -> Iterator[Found]:
    """Measure the words of what a model says of a scene."""
    picture = image_from_array(scene.image)
    recording = model.run(question([picture], PROMPT), max_new_tokens=64)
    without = [
        [replace(picture, frames=_without(scene, left_out).image[None])]
        for left_out in range(len(scene.objects))
    ]
    lost = effects(Replay(model.checkpoint, recording), without)
    masks = [item.mask for item in scene.objects]
    for method in methods:
        result = model.explain_recording(recording, method=method)
        if check and method == methods[0]:
            result = model.check(result)
        for word in result.words:
            if not is_content(word.text) and word.text not in RELATIONS:
                continue
            cause = causes(word, lost, masks)
            checked = _checked(result, word.index or 0, cause, masks)
            yield Found(index, method, word.text, cause, checked)


def _without(scene: Scene, left_out: int) -> Scene:
    return make_scene(scene.seed, objects=(2, 4), without=left_out)


def _checked(
    result: Explanation, index: int, cause: Causes, masks: Sequence[NDArray[np.bool_]]
) -> tuple[float, bool] | None:
    word = result.words[index]
    region = marked(word)
    if word.check is None or word.check.score is None or region is None:
        return None
    held = [
        region.mask[0][mask].mean() >= 0.5 and effect >= LEAST_EFFECT
        for mask, effect in zip(masks, cause.effects, strict=True)
    ]
    return word.check.score, any(held)


def table(found: Sequence[Found], items: int, command: str) -> str:
    """Write the figures of each method, with 95 % intervals over scenes."""
    methods = list(dict.fromkeys(item.method for item in found))
    own = [item.causes for item in found if item.method == methods[0]]
    counts = [sum(min(item.count, 2) == count for item in own) for count in range(3)]
    splits = {name: sum(item.split == name for item in own) for name in (*_SPLITS,)}
    lines = [
        "# Causes",
        "",
        f"`{command}`",
        "",
        f"{items} scenes, {len(own)} words: {counts[0]} that nothing in the picture causes, "
        f"{counts[1]} with one cause, {counts[2]} with several; "
        + ", ".join(f"{count} {name}" for name, count in splits.items())
        + ". An object causes a word from an effect of 1 nat on.",
        "",
        "| method | hottest is the one cause | AUROC within the word | Spearman | height tells |",
        "| --- | --- | --- | --- | --- |",
    ]
    for method in methods:
        rows = [item for item in found if item.method == method]
        figures = " | ".join(_figure(rows, items, figure) for figure in _FIGURES)
        lines.append(f"| {method} | {figures} |")
    checked = [item for item in found if item.checked is not None]
    if checked:
        right = sum(bool(item.checked and item.checked[1]) for item in checked)
        lines += [
            "",
            f"The check's score (maps of {methods[0]}; {len(checked)} words, {right} of them with "
            f"a region that holds a cause): AUROC {_figure(checked, items, _of_check)}.",
        ]
    return "\n".join(lines) + "\n"


_SPLITS = ("first", "repeated", "relation")


def _figure(
    rows: Sequence[Found], items: int, figure: Callable[[Sequence[Found]], float | None]
) -> str:
    groups: list[list[Found]] = [[] for _ in range(items)]
    for row in rows:
        groups[row.scene].append(row)
    values = []
    for drawn in draws(items, resamples=500):
        value = figure([row for index in drawn for row in groups[index]])
        values.append(np.nan if value is None else value)
    told = interval(np.array(values))
    return f"{told.value:.2f} ({told.low:.2f} to {told.high:.2f})"


def _mean(values: Sequence[float | bool | None]) -> float | None:
    known = [float(value) for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _of_hottest(rows: Sequence[Found]) -> float | None:
    return _mean([row.causes.hottest for row in rows if row.causes.count == 1])


def _of_ranking(rows: Sequence[Found]) -> float | None:
    return _mean([row.causes.ranking for row in rows])


def _of_correlation(rows: Sequence[Found]) -> float | None:
    return _mean([row.causes.correlation for row in rows])


def _of_height(rows: Sequence[Found]) -> float | None:
    high, low = (
        np.array([row.causes.height for row in rows if bool(row.causes.count) is caused])
        for caused in (True, False)
    )
    return auroc(high, low)


def _of_check(rows: Sequence[Found]) -> float | None:
    right, wrong = (
        np.array([row.checked[0] for row in rows if row.checked and row.checked[1] is held])
        for held in (True, False)
    )
    return auroc(right, wrong)


_FIGURES = (_of_hottest, _of_ranking, _of_correlation, _of_height)


if __name__ == "__main__":
    main()
