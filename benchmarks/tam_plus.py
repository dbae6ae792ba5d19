"""Measures the contribution of each part of ``tam-plus``.

    python -m benchmarks.tam_plus [--items 12] [--world validation] [--out benchmarks/results]
                                  [--disturbed noise]

The models describe scenes with known masks, and every variant computes its maps from the same
recorded runs: from scores or probabilities, with and without causal inference (ECI), filtered in
several ways; further variants that were tried follow. Obj-IoU, Func-IoU and F1-IoU are the
published measures; pointing is the share of words whose peak lies on their object. The last columns
are the 95 % paired bootstrap intervals, over scenes, of the difference of F1-IoU from tam and from
tam-plus. With ``--disturbed`` the pictures are changed so that objects no longer have a uniform
color, and the true caption is read instead of the model's own reply.

Writes ``tam_plus-WORLD.md``. Variants were chosen only on the world ``validation``. The same
command resumes a run that was stopped (``benchmarks/unfinished``).
"""

import argparse
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import tam
from benchmarks.unfinished import kept, work_folder
from tam.errors import ended_in_one_line
from tam.evaluate.items import Item
from tam.evaluate.measuring import ScoredWords, measure, scored_words
from tam.evaluate.protocol import f1_iou
from tam.evaluate.scene_items import PROMPT, scene_items
from tam.evaluate.tagging import scene_tagger
from tam.methods.parts import from_scores
from tam.methods.result import build_explanation
from tam.methods.tam_plus import smoothed
from tam.prompt.conversation import question
from tam.replay import Replay

SPLITS = ("one", "same-color", "same-shape", "many", "small-objects")
OURS = "probabilities, ECI, bilateral filter"
TAGGER = scene_tagger()
Maps = NDArray[np.float32]
Pixels = NDArray[np.float64]

DISTURBANCES: dict[str, Callable[[Pixels], Pixels]] = {
    "noise": lambda pixels: pixels + np.random.default_rng(0).normal(0, 25, pixels.shape),
    "shading": lambda pixels: pixels * np.linspace(0.45, 1, pixels.shape[1])[:, None],
    "stripes": lambda pixels: (
        pixels * (1 + 0.35 * np.sin(np.arange(pixels.shape[1]) / 1.5))[:, None]
    ),
}
"""Changes of a picture, float [H, W, 3]: noise, a gradient across it, and stripes of 9 pixels."""


@dataclass(frozen=True)
class Run:
    """A recorded run, with the scores and log-probabilities [N + K, K] from each layer."""

    item: Item
    replay: Replay
    found: ScoredWords
    scores: list[torch.Tensor]
    log_probabilities: list[torch.Tensor]

    def maps(self, scores: torch.Tensor, *, eci: bool = True, kernel_size: int = 1) -> Maps:
        """Compute jointly scaled maps [K, N] from scores."""
        return from_scores(self.replay.trace, scores, eci=eci, kernel_size=kernel_size)[0]

    def smooth(self, maps: Maps, reach: float = 0.15, contrast: float = 0.15) -> Maps:
        """Apply the bilateral filter, which is a plain Gaussian if ``contrast`` is high."""
        trace = self.replay.trace
        return smoothed(maps, trace.vision.grids, trace.media, reach, contrast)


def main() -> None:
    """Measure what is missing, and print and write the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--items", type=int, default=12, help="scenes of each difficulty")
    parser.add_argument("--world", default="validation", help="split of the scenes' seeds")
    parser.add_argument("--model", default="small,small-masks", help="models, by commas")
    parser.add_argument("--disturbed", choices=DISTURBANCES, help="what lies over the pictures")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    options = parser.parse_args()
    disturbed = f" --disturbed {options.disturbed}" if options.disturbed else ""
    text = (
        "# The parts of tam-plus\n\n`python -m benchmarks.tam_plus "
        f"--items {options.items} --world {options.world} --model {options.model}{disturbed}`\n"
    )
    for name in options.model.split(","):
        found = graded(name, options.world, options.items, options.disturbed)
        text += f"\n## {name}, {len(found)} scenes\n\n{table(found)}"
    print(text)
    options.out.mkdir(parents=True, exist_ok=True)
    ending = "-".join(filter(None, (options.world, options.disturbed)))
    (options.out / f"tam_plus-{ending}.md").write_text(text, encoding="utf-8")


def graded(name: str, world: str, items: int, disturbance: str | None) -> list[dict[str, "Grades"]]:
    """Grade every variant on the scenes of all splits."""
    load = cache(lambda: tam.load(name))

    def of_split(split: str) -> list[dict[str, Any]]:
        def grade(number: int) -> dict[str, Any]:
            [item] = scene_items(split, 1, world=world, first=number)
            run = recorded(load(), disturbed(item, disturbance) if disturbance else item)
            return {name: asdict(grades(run, make(run))) for name, make in variants().items()}

        path = work_folder([name]) / f"tam_plus-{world}-{disturbance}-{split}.jsonl"
        return kept(path, items, grade)

    return [
        {variant: Grades(**values) for variant, values in one.items()}
        for split in SPLITS
        for one in of_split(split)
    ]


def table(found: list[dict[str, "Grades"]]) -> str:
    """Return one model's table."""
    lines = [
        "| maps | Obj-IoU | Func-IoU | F1-IoU | pointing | F1-IoU less tam's | less tam-plus's |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    names = list(found[0])
    for name in names:
        own = [one[name] for one in found]
        cells = [f"{value:.3f}" for value in means(own)]
        for base in (names[0], OURS):
            low, high = interval(own, [one[base] for one in found])
            cells.append("–" if base == name else f"{low:+.3f} to {high:+.3f}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def disturbed(item: Item, name: str) -> Item:
    """Return the item with its true caption as the reply, and a changed picture."""
    [picture] = item.media
    pixels = DISTURBANCES[name](picture.frames[0].astype(np.float64))
    frames = np.clip(pixels, 0, 255).round().astype(np.uint8)[None]
    conversation = question([replace(picture, frames=frames)], PROMPT)
    return replace(item, conversation=conversation, answer=item.references[0])


def recorded(model: tam.Model, item: Item) -> Run:
    """Record the description, and the logit lens's readings of every layer."""
    recording = model.run(item.conversation, answer=item.answer, max_new_tokens=64)
    replay, trace = Replay(model.checkpoint, recording), recording.trace
    positions = np.concatenate([trace.vision.positions, trace.text.context_positions])
    scores, log_probabilities = [], []
    for [states] in replay.run([], layers=list(range(len(replay.layers)))).states:
        with torch.no_grad():
            logits = replay.trace.lm_head.logits(replay.final_norm(states[0, positions]))
        scores.append(logits[:, trace.text.ids])
        log_probabilities.append(logits.log_softmax(1)[:, trace.text.ids])
    return Run(item, replay, scored_words(trace, item, TAGGER), scores, log_probabilities)


def variants() -> dict[str, Callable[[Run], Maps]]:
    """Return the variants to compare; the first is tam."""
    table: dict[str, Callable[[Run], Maps]] = {
        "tam: scores, ECI, rank filter": lambda run: run.maps(run.scores[-1], kernel_size=3)
    }
    for kind in ("scores", "probabilities"):
        for eci in (False, True):
            for filtered in ("no filter", "rank filter", "Gaussian", "bilateral filter"):
                label = f"{kind}, {'ECI' if eci else 'no ECI'}, {filtered}"
                table[label] = part(kind, eci, filtered)
    del table["scores, ECI, rank filter"]
    return table | {
        "probabilities, mean of all layers, ECI, bilateral filter": lambda run: run.smooth(
            run.maps(torch.stack(run.log_probabilities).exp().mean(0))
        ),
        "scores, mean of all layers, ECI, rank filter": lambda run: run.maps(
            torch.stack(run.scores).relu().mean(0), kernel_size=3
        ),
        "log-ratio to the picture's mean, ECI, bilateral filter": lambda run: run.smooth(
            run.maps(log_ratio(run))
        ),
        "log-ratio to the picture's mean, no ECI, bilateral filter": lambda run: run.smooth(
            run.maps(log_ratio(run), eci=False)
        ),
        "square root of probabilities, ECI, bilateral filter": lambda run: run.smooth(
            run.maps((run.log_probabilities[-1] / 2).exp())
        ),
        "probabilities among the tokens in play, ECI, bilateral filter": lambda run: run.smooth(
            run.maps(in_play(run))
        ),
    }


def part(kind: str, eci: bool, filtered: str) -> Callable[[Run], Maps]:
    """Return the variant with one combination of the parts."""

    def make(run: Run) -> Maps:
        scores = run.scores[-1] if kind == "scores" else run.log_probabilities[-1].exp()
        maps = run.maps(scores, eci=eci, kernel_size=3 if filtered == "rank filter" else 1)
        if filtered == "bilateral filter":
            return run.smooth(maps)
        return run.smooth(maps, reach=0.05, contrast=1e6) if filtered == "Gaussian" else maps

    return make


def log_ratio(run: Run) -> torch.Tensor:
    """Return the log of each probability's ratio to its mean over the picture."""
    log_probabilities = run.log_probabilities[-1]
    cells = log_probabilities[: len(run.replay.trace.vision.positions)]
    return log_probabilities - cells.exp().mean(0).log()


def in_play(run: Run) -> torch.Tensor:
    """Return probabilities among the conversation's tokens and the reply tokens' candidates."""
    trace = run.replay.trace
    candidates = {c.id for step in trace.predictions for c in step.candidates}
    ids = sorted({*trace.text.ids.tolist(), *candidates})
    with torch.no_grad():
        logits = trace.lm_head.logits(trace.states)
    place = {token: column for column, token in enumerate(ids)}
    own = [place[token] for token in trace.text.ids.tolist()]
    return logits[:, ids].softmax(1)[:, own]


@dataclass(frozen=True)
class Grades:
    """The values of one run's words."""

    objects: list[float]
    functions: list[float]
    pointing: list[float]


def grades(run: Run, maps: Maps) -> Grades:
    """Grade the maps of one run."""
    trace = run.replay.trace
    nothing = np.zeros((len(maps), len(maps)), np.float32)
    explanation = build_explanation(trace, maps, nothing, nothing, {"name": "variant"})
    lines, summary = measure(explanation, run.item, run.found, TAGGER)
    pointing = [line["pointing"] for line in lines if "pointing" in line]
    return Grades(summary["obj_iou"], summary["func_iou"], pointing)


def means(graded: list[Grades]) -> tuple[float, float, float, float]:
    """Return Obj-IoU, Func-IoU, F1-IoU and pointing of a data set."""
    objects = float(np.mean([value for one in graded for value in one.objects]))
    functions = float(np.mean([value for one in graded for value in one.functions]))
    pointing = float(np.mean([value for one in graded for value in one.pointing]))
    return objects, functions, f1_iou(objects, functions), pointing


def interval(graded: list[Grades], base: list[Grades]) -> tuple[float, float]:
    """Return the 95 % paired bootstrap interval of the difference of F1-IoU."""
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, len(base), (1000, len(base)))
    found = [
        means([graded[i] for i in index])[2] - means([base[i] for i in index])[2] for index in drawn
    ]
    return float(np.quantile(found, 0.025)), float(np.quantile(found, 0.975))


if __name__ == "__main__":
    with ended_in_one_line():
        main()
