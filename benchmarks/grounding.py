"""Measures how well the grounding score separates planted false words from true ones.

    python -m benchmarks.grounding [--items 60] [--out benchmarks/results]
    python -m benchmarks.grounding --fit

Replies about scenes are given (teacher forcing), each with one false color or shape, for pictures,
clips and conversations. The AUROC states how often a planted word scores below a true color or
shape of the same data set, with 95 % bootstrap intervals over replies. The score is compared with
the word's probability, its attention to the picture (mean over heads and layers), and how much
likelier the picture makes it than a picture of one color. Writes ``grounding.md`` and
``grounding.json``. ``--fit`` prints the weights of :mod:`tam.explanation.calibration`, fitted on
scenes of the world ``train``, which no measurement uses.
The same command resumes a run that was stopped (``benchmarks/unfinished``).
"""

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

import tam
from benchmarks.unfinished import kept, work_folder
from tam.check.fillers import filled
from tam.errors import ended_in_one_line
from tam.evaluate.items import Item
from tam.evaluate.measuring import scored_words
from tam.evaluate.scene_items import scene_items
from tam.evaluate.stacking import stacked_frames, unstacked
from tam.evaluate.tagging import closed_class_tagger
from tam.recording.grounding import evidence_of_words, grounding
from tam.replay import Replay
from tam.scenes.world import COLORS, SHAPES

SPLITS = ("false", "clip-false", "conversation-false")
TAGGER = closed_class_tagger()
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Scored:
    """The scores of one content word: its reply, whether it is planted or names an object."""

    reply: str
    false: bool
    object: bool
    evidence: tuple[float, float]
    scores: Mapping[str, float]


def main() -> None:
    """Measure what is missing, and print and write the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--items", type=int, default=60, help="replies of each split")
    parser.add_argument("--world", help="split of the scenes' seeds; test, or train to fit")
    parser.add_argument("--model", default="small,small-masks", help="models, by commas")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--fit", action="store_true", help="fit the weights on all models' words")
    options = parser.parse_args()
    models = options.model.split(",")
    world = options.world or ("train" if options.fit else "test")
    found = {name: of_model(name, world, options.items) for name in models}
    if options.fit:
        fit([word for splits in found.values() for some in splits.values() for word in some])
        return
    command = f"python -m benchmarks.grounding --items {options.items} --model {options.model}"
    text = f"# Grounding: planted words against true ones\n\n`{command} --world {world}`\n"
    document: dict[str, Any] = {"command": f"{command} --world {world}"}
    for name, splits in found.items():
        every = {**splits, "all three": [word for some in splits.values() for word in some]}
        for split, words in every.items():
            text += f"\n## {name}, {split}\n\n{report(words)}"
            document[f"{name}, {split}"] = figures(words)
    print(text)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "grounding.md").write_text(text, encoding="utf-8")
    (options.out / "grounding.json").write_text(json.dumps(document, indent=1) + "\n")


def of_model(name: str, world: str, items: int) -> dict[str, list[Scored]]:
    """Score the words of all splits, split by split."""
    load = cache(lambda: tam.load(name))
    found = {}
    for split in SPLITS:
        path = work_folder([name]) / f"grounding-{world}-{split}.jsonl"
        replies = kept(path, items, scorer(load, split, world))
        found[split] = [Scored(**word) for reply in replies for word in reply]
    return found


def scorer(
    load: Callable[[], tam.Model], split: str, world: str
) -> Callable[[int], list[dict[str, Any]]]:
    """Return a function that scores the reply of a given index, as JSON values."""

    def score(number: int) -> list[dict[str, Any]]:
        [item] = scene_items(split, 1, world=world, first=number)
        return [asdict(word) for word in scored(load(), item)]

    return score


def scored(model: tam.Model, item: Item) -> Iterator[Scored]:
    """Compute all scores of all content words of a reply."""
    recording = model.run(item.conversation, answer=item.answer)
    trace, replay = recording.trace, Replay(model.checkpoint, recording)
    first = trace.text.prompt_targets
    blank = unstacked(filled(stacked_frames(item.media), "mean"), item.media)
    without = replay.log_probabilities([blank])[0]
    said = np.log([step.probability for step in trace.predictions])
    kinds = {
        "grounding": grounding(trace),
        "probability": said,
        "attention mass": attention_mass(replay),
        "probability with and without the picture": said - without,
    }
    evidence = evidence_of_words(trace)
    found = scored_words(trace, item, TAGGER)
    for word, targets, false in zip(found.words, found.tokens, found.false, strict=True):
        index = targets[0] - first
        if not np.isnan(evidence[index]).any():
            yield Scored(
                item.name,
                false,
                word.strip(".,") in (*COLORS, *SHAPES),
                (float(evidence[index, 0]), float(evidence[index, 1])),
                {name: float(values[index]) for name, values in kinds.items()},
            )


def attention_mass(replay: Replay) -> Values:
    """Return each reply token's attention to the picture, mean over heads and layers."""
    text = replay.trace.text
    rows = text.context_positions[text.prompt_targets :]
    weights = replay.run([], attention=True).attentions
    mass = [
        layer[0][:, rows][:, :, replay.trace.vision.positions].sum(-1).mean(0) for layer in weights
    ]
    return np.asarray(np.mean([layer.float().cpu().numpy() for layer in mass], axis=0))


def report(words: Sequence[Scored]) -> str:
    """Return one table."""
    planted = sum(word.false for word in words)
    true = sum(word.object and not word.false for word in words)
    lines = [
        f"{planted} planted, {true} true colors and shapes, {len(words)} words.\n",
        "| score | AUROC among colors and shapes | among all content words |",
        "| --- | --- | --- |",
    ]
    for name, (objects, every) in figures(words).items():
        cells = [f"{one[0]:.3f} [{one[1]:.3f}, {one[2]:.3f}]" for one in (objects, every)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    doubted = [word for word in words if word.scores["grounding"] < 0.5]
    lines.append(
        f"\nDoubted (grounding below 0.5): {share(doubted, words, false=True)} of the planted words"
        f", {share(doubted, words, objects=True)} of the true colors and shapes, "
        f"{share(doubted, words)} of all true words."
    )
    return "\n".join(lines) + "\n"


def figures(words: Sequence[Scored]) -> dict[str, list[tuple[float, float, float]]]:
    """Return each score's AUROC and interval, among colors and shapes, and among all words."""
    objects = [word for word in words if word.object]
    return {name: [interval(some, name) for some in (objects, words)] for name in words[0].scores}


def share(
    doubted: Sequence[Scored],
    words: Sequence[Scored],
    *,
    false: bool = False,
    objects: bool = False,
) -> str:
    """Return the share of the selected words that are doubted, in per cent."""
    counts = [
        sum(word.false == false and (word.object or not objects) for word in some)
        for some in (doubted, words)
    ]
    return f"{100 * counts[0] / counts[1]:.1f} %"


def interval(words: Sequence[Scored], name: str) -> tuple[float, float, float]:
    """Return the AUROC and the ends of its interval."""
    scores = np.array([word.scores[name] for word in words])
    false = np.array([word.false for word in words])
    replies = np.array([word.reply for word in words])
    members = [np.flatnonzero(replies == reply) for reply in np.unique(replies)]
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(500):
        chosen = rng.integers(0, len(members), len(members))
        index = np.concatenate([members[i] for i in chosen])
        drawn.append(auroc(scores[index], false[index]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return auroc(scores, false), float(low), float(high)


def auroc(scores: Values, false: NDArray[np.bool_]) -> float:
    """Return the share of (planted, true) pairs of words in which the true one scores higher."""
    ranks = rankdata(scores)
    true, planted = int((~false).sum()), int(false.sum())
    return float((ranks[~false].sum() - true * (true + 1) / 2) / (true * planted))


def fit(words: Sequence[Scored]) -> None:
    """Fit the weights of the score to whether a word is true, and print them."""
    words = [word for word in words if word.object]
    print_weights(
        np.array([word.evidence for word in words]), np.array([not word.false for word in words])
    )


def print_weights(evidence: Values, true: NDArray[np.bool_]) -> None:
    """Fit a logistic function of the evidence [W, 2] to whether words are true, and print it."""
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=100, max_iter=1000).fit(evidence, true)
    seen, said = fitted.coef_[0]
    print(
        f"{len(true)} words, {(~true).sum()} false: "
        f"seen {seen:.3f}, said {said:.3f}, {fitted.intercept_[0]:+.3f}"
    )


if __name__ == "__main__":
    with ended_in_one_line():
        main()
