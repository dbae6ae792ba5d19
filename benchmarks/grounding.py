"""How well the grounding score tells planted false words from true ones.

    python benchmarks/grounding.py [--items 100] [--model small,small-masks] [--world test]
    python benchmarks/grounding.py --fit --world train

Replies about scenes are given (teacher forcing), each with one false color or shape, for pictures,
clips and conversations. AUROC: how often a planted word scores below a true color or shape of the
same data set, with 95 % bootstrap intervals over replies. Compared with the word's probability, its
attention to the picture (mean over heads and layers), and how much likelier the picture makes it
than a picture of one color. ``--fit`` prints the weights of :mod:`tam.grounding`.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

import tam
from tam.evaluate.faithfulness import filled
from tam.evaluate.items import Item
from tam.evaluate.measuring import found_words
from tam.evaluate.rerun import stacked_frames, unstacked
from tam.evaluate.scene_items import scene_items
from tam.evaluate.tagging import closed_class_tagger
from tam.grounding import evidence_of_words, grounding
from tam.replay import Replay
from tam.scenes.world import COLORS, SHAPES

SPLITS = ("false", "clip-false", "conversation-false")
TAGGER = closed_class_tagger()
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Scored:
    """One content word of a reply: which reply, whether planted, whether of an object."""

    reply: int
    false: bool
    object: bool
    evidence: tuple[float, float]
    scores: Mapping[str, float]


def main() -> None:
    """Run the benchmark and print it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--items", type=int, default=100, help="replies of each split")
    parser.add_argument("--world", default="test", help="split of the scenes' seeds")
    parser.add_argument("--model", default="small", help="models, by commas")
    parser.add_argument("--fit", action="store_true", help="fit the weights on all models' words")
    options = parser.parse_args()
    words: list[Scored] = []
    for name in options.model.split(","):
        model = tam.load(name)
        own: list[Scored] = []
        for split in SPLITS:
            found = list(scored(model, scene_items(split, options.items, world=options.world)))
            own += [replace(word, reply=word.reply + len(own)) for word in found]
            if not options.fit:
                report(f"{name}, {split}, {options.items} replies of {options.world}", found)
        if not options.fit:
            report(f"{name}, all three", own)
        words += own
    if options.fit:
        fit([word for word in words if word.object])


def scored(model: tam.Model, items: Iterator[Item]) -> Iterator[Scored]:
    """Score all content words of the replies, in all ways."""
    for number, item in enumerate(items):
        recording = model.run(item.conversation, answer=item.answer)
        trace, replay = recording.trace, Replay(model, recording)
        first = trace.text.prompt_targets
        blank = unstacked(filled(stacked_frames(item.media), "mean"), item.media)
        without = replay.log_probabilities([blank])[0]
        said = np.log([step.probability for step in trace.predictions])
        kinds = {
            "grounding": grounding(trace, replay.head),
            "probability": said,
            "attention mass": attention_mass(replay),
            "probability with and without the picture": said - without,
        }
        evidence = evidence_of_words(trace, replay.head)
        found = found_words(trace, item, TAGGER)
        for word, targets, false in zip(found.words, found.tokens, found.false, strict=True):
            index = targets[0] - first
            if not np.isnan(evidence[index]).any():
                yield Scored(
                    number,
                    false,
                    word.strip(".,") in (*COLORS, *SHAPES),
                    (float(evidence[index, 0]), float(evidence[index, 1])),
                    {name: float(values[index]) for name, values in kinds.items()},
                )


def attention_mass(replay: Replay) -> Values:
    """Attention of each of the reply's tokens to the picture, mean over heads and layers."""
    text = replay.trace.text
    rows = text.context_positions[text.prompt_targets :]
    weights = replay.run([], attention=True).attentions
    mass = [
        layer[0][:, rows][:, :, replay.trace.vision.positions].sum(-1).mean(0) for layer in weights
    ]
    return np.asarray(np.mean([layer.float().cpu().numpy() for layer in mass], axis=0))


def report(title: str, words: Sequence[Scored]) -> None:
    """Print one table."""
    planted = sum(word.false for word in words)
    true = sum(word.object and not word.false for word in words)
    print(f"\n{title}: {planted} planted, {true} true colors and shapes, {len(words)} words\n")
    print("| score | AUROC among colors and shapes | among all content words |")
    print("| --- | --- | --- |")
    objects = [word for word in words if word.object]
    for name in words[0].scores:
        print(f"| {name} | {interval(objects, name)} | {interval(words, name)} |")
    doubted = [word for word in words if word.scores["grounding"] < 0.5]
    print(
        f"\nDoubted (grounding below 0.5): {share(doubted, words, false=True)} of the planted words"
        f", {share(doubted, words, objects=True)} of the true colors and shapes, "
        f"{share(doubted, words)} of all true words",
        flush=True,
    )


def share(
    doubted: Sequence[Scored],
    words: Sequence[Scored],
    *,
    false: bool = False,
    objects: bool = False,
) -> str:
    """How many of some words are doubted, in per cent."""
    counts = [
        sum(word.false == false and (word.object or not objects) for word in some)
        for some in (doubted, words)
    ]
    return f"{100 * counts[0] / counts[1]:.1f} %"


def interval(words: Sequence[Scored], name: str) -> str:
    """AUROC with its interval."""
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
    return f"{auroc(scores, false):.3f} [{low:.3f}, {high:.3f}]"


def auroc(scores: Values, false: NDArray[np.bool_]) -> float:
    """Share of pairs of a planted and a true word in which the true one scores higher."""
    ranks = rankdata(scores)
    true, planted = int((~false).sum()), int(false.sum())
    return float((ranks[~false].sum() - true * (true + 1) / 2) / (true * planted))


def fit(words: Sequence[Scored]) -> None:
    """Fit a logistic function of the evidence to whether a word is true, and print its weights."""
    from sklearn.linear_model import LogisticRegression

    evidence = np.array([word.evidence for word in words])
    true = np.array([not word.false for word in words])
    fitted = LogisticRegression(C=100, max_iter=1000).fit(evidence, true)
    seen, said = fitted.coef_[0]
    print(f"{len(words)} words: seen {seen:.3f}, said {said:.3f}, {fitted.intercept_[0]:+.3f}")


if __name__ == "__main__":
    main()
