"""What each part of ``tam-plus`` does.

    python benchmarks/tam_plus.py [--items 20] [--world validation] [--model small]
                                  [--disturbed noise]

Scenes with known masks are described by the model, and every variant makes its maps of the same
recorded runs: of scores or of probabilities, with and without causal inference (ECI), filtered in
several ways; then what was tried beside it. Obj-IoU, Func-IoU and F1-IoU are the published
measures; pointing is the share of words whose peak lies on their object. The last column is the
95 % paired bootstrap interval, over scenes, of the difference of F1-IoU from tam. With
``--disturbed`` the pictures are changed so that their objects are no longer of one color, and the
words are the true caption's, whatever the model would say.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

import tam
from tam.conversation import question
from tam.evaluate.items import Item
from tam.evaluate.measuring import Found, found_words, measure
from tam.evaluate.protocol import f1_iou
from tam.evaluate.scene_items import PROMPT, scene_items
from tam.evaluate.tagging import scene_tagger
from tam.methods.parts import from_scores
from tam.methods.result import explanation_of
from tam.methods.tam_plus import smoothed
from tam.replay import Replay

SPLITS = ("one", "same-color", "same-shape", "many")
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
"""Changes of a picture, float [H, W, 3]: by gray levels, from side to side, 9 pixels wide."""


@dataclass(frozen=True)
class Run:
    """A recorded run with the scores and log-probabilities [N + K, K] that each layer gives."""

    item: Item
    replay: Replay
    found: Found
    scores: list[torch.Tensor]
    log_probabilities: list[torch.Tensor]

    def maps(self, scores: torch.Tensor, *, eci: bool = True, kernel_size: int = 1) -> Maps:
        """Maps [K, N] of some scores, jointly scaled."""
        return from_scores(self.replay.trace, scores, eci=eci, kernel_size=kernel_size)[0]

    def smooth(self, maps: Maps, reach: float = 0.15, contrast: float = 0.15) -> Maps:
        """The maps after the bilateral filter; after a plain Gaussian at a high contrast."""
        trace = self.replay.trace
        return smoothed(maps, trace.vision.grids, trace.media, reach, contrast)


def main() -> None:
    """Run the benchmark and print it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--items", type=int, default=20, help="scenes of each difficulty")
    parser.add_argument("--world", default="validation", help="split of the scenes' seeds")
    parser.add_argument("--model", default="small")
    parser.add_argument("--disturbed", choices=DISTURBANCES, help="what lies over the pictures")
    options = parser.parse_args()
    items = (
        item for split in SPLITS for item in scene_items(split, options.items, world=options.world)
    )
    if options.disturbed:
        items = (disturbed(item, options.disturbed) for item in items)
    runs = list(recorded(tam.load(options.model), items))
    print(f"model {options.model}, {len(runs)} scenes of {options.world}, {options.disturbed}\n")
    print("| maps | Obj-IoU | Func-IoU | F1-IoU | pointing | F1-IoU less tam's |")
    print("| --- | --- | --- | --- | --- | --- |")
    base: list[Grades] | None = None
    for name, make in variants().items():
        graded = [grades(run, make(run)) for run in runs]
        base = base or graded
        objects, functions, f1, pointing = means(graded)
        low, high = interval(graded, base)
        print(
            f"| {name} | {objects:.3f} | {functions:.3f} | {f1:.3f} | {pointing:.3f} "
            f"| {low:+.3f} to {high:+.3f} |",
            flush=True,
        )


def disturbed(item: Item, name: str) -> Item:
    """The item with its true caption as the reply, and a changed picture."""
    [picture] = item.media
    pixels = DISTURBANCES[name](picture.frames[0].astype(np.float64))
    frames = np.clip(pixels, 0, 255).round().astype(np.uint8)[None]
    conversation = question([replace(picture, frames=frames)], PROMPT)
    return replace(item, conversation=conversation, answer=item.references[0])


def recorded(model: tam.Model, items: Iterator[Item]) -> Iterator[Run]:
    """Record the descriptions, and what the logit lens reads from every layer."""
    for item in items:
        recording = model.run(item.conversation, answer=item.answer, max_new_tokens=64)
        replay, trace = Replay(model, recording), recording.trace
        positions = np.concatenate([trace.vision.positions, trace.text.context_positions])
        scores, log_probabilities = [], []
        for [states] in replay.run([], layers=list(range(len(replay.layers)))).states:
            with torch.no_grad():
                logits = replay.head(replay.final_norm(states[0, positions])).float()
            scores.append(logits[:, trace.text.ids])
            log_probabilities.append(logits.log_softmax(1)[:, trace.text.ids])
        yield Run(item, replay, found_words(trace, item, TAGGER), scores, log_probabilities)


def variants() -> dict[str, Callable[[Run], Maps]]:
    """What is compared; the first is tam."""
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
        "square root of probabilities, ECI, bilateral filter": lambda run: run.smooth(
            run.maps((run.log_probabilities[-1] / 2).exp())
        ),
    }


def part(kind: str, eci: bool, filtered: str) -> Callable[[Run], Maps]:
    """One combination of the parts."""

    def make(run: Run) -> Maps:
        scores = run.scores[-1] if kind == "scores" else run.log_probabilities[-1].exp()
        maps = run.maps(scores, eci=eci, kernel_size=3 if filtered == "rank filter" else 1)
        if filtered == "bilateral filter":
            return run.smooth(maps)
        return run.smooth(maps, reach=0.05, contrast=1e6) if filtered == "Gaussian" else maps

    return make


def log_ratio(run: Run) -> torch.Tensor:
    """Log of each probability over its mean over the picture."""
    log_probabilities = run.log_probabilities[-1]
    cells = log_probabilities[: len(run.replay.trace.vision.positions)]
    return log_probabilities - cells.exp().mean(0).log()


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
    explanation = explanation_of(trace, maps, nothing, nothing, {"name": "variant"})
    lines, summary = measure(explanation, run.item, run.found, TAGGER)
    pointing = [line["pointing"] for line in lines if "pointing" in line]
    return Grades(summary["obj_iou"], summary["func_iou"], pointing)


def means(graded: list[Grades]) -> tuple[float, float, float, float]:
    """Obj-IoU, Func-IoU, F1-IoU and pointing of a data set."""
    objects = float(np.mean([value for one in graded for value in one.objects]))
    functions = float(np.mean([value for one in graded for value in one.functions]))
    pointing = float(np.mean([value for one in graded for value in one.pointing]))
    return objects, functions, f1_iou(objects, functions), pointing


def interval(graded: list[Grades], base: list[Grades]) -> tuple[float, float]:
    """95 % paired bootstrap interval of the difference of F1-IoU."""
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, len(base), (1000, len(base)))
    found = [
        means([graded[i] for i in index])[2] - means([base[i] for i in index])[2] for index in drawn
    ]
    return float(np.quantile(found, 0.025)), float(np.quantile(found, 0.975))


if __name__ == "__main__":
    main()
