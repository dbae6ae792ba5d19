"""Compares detectors of the words that a model invents: AUROC, AUPR and calibration, by split.

    python -m benchmarks.invented --items 40 --model small --splits invented-noisy,invented-unseen
    python -m benchmarks.invented --items 40 --model photo --data photo --splits one,two,pictures

Models describe scenes by sampling (:mod:`tam.evaluate.invented_items`), or composites of
photographs as they would (:mod:`tam.evaluate.photo_items`); each color and shape, or noun, that
they state is true or false. The scores of each detector (:mod:`tam.evaluate.detectors`) are turned
into probabilities by a logistic function fitted on scenes of the world ``train``, or on other
composites; some rows are a function of several scores (``COMBINED``), and ``grounding as it is`` is
not fitted. AUPR is that of the false words. ECE is the expected calibration error over ten bins of
equal width. Intervals are 95 % bootstrap intervals over scenes. Writes ``invented-MODEL.md``. The
same command resumes a run that was stopped (``benchmarks/unfinished``). ``--weights`` prints those
of the grounding score (:mod:`tam.explanation.calibration`), fitted on the scenes or composites that
are fitted on here, too.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import tam
from benchmarks.grounding import print_weights
from benchmarks.unfinished import kept, work_folder
from tam.errors import ended_in_one_line
from tam.evaluate.causes import auroc
from tam.evaluate.detectors import detect
from tam.evaluate.invented_items import INVENTED_SPLITS, invented_items
from tam.evaluate.items import Item
from tam.evaluate.photo_items import photo_items
from tam.evaluate.statistics import draws, interval
from tam.photo.pack import open_pack
from tam.recording.grounding import LEAST
from tam.replay import Replay

COMBINED: Mapping[str, tuple[str, ...]] = {
    "grounding + removal": ("grounding", "removal"),
    "recorded run": ("probability", "entropy", "grounding"),
    "recorded run + one pass": (
        *("probability", "entropy", "grounding", "internal confidence"),
        *("visual attention", "contextual lens", "global-local"),
    ),
}
"""Detectors that combine scores, by a logistic function."""

AS_IT_IS = "grounding as it is"
"""The toolkit's score without another calibration."""

_DOUBTED = 0.5
"""The report marks words whose grounding is below it."""

_FIT_FROM = 50_000
"""The index of the first composite that is fitted on."""
RESAMPLES = 100
BINS = 10
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Word:
    """A color or shape that a model stated.

    Parameters
    ----------
    reply
        The item's name.
    split
        The item's split.
    false
        Whether it is true of no object.
    scores
        The scores by detector; high for true words.
    """

    reply: str
    split: str
    false: bool
    scores: Mapping[str, float]


def main() -> None:
    """Measure what is missing, and print and write the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--items", type=int, default=40, help="scenes of each split, on test")
    parser.add_argument("--fit", type=int, default=20, help="scenes of each split, on train")
    parser.add_argument("--splits", default=",".join(INVENTED_SPLITS))
    parser.add_argument("--data", default="scenes", choices=("scenes", "photo"))
    parser.add_argument("--model", default="small")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--weights", action="store_true", help="fit the grounding score, no more")
    asked = parser.parse_args()
    splits = asked.splits.split(",")
    train = measured(asked.model, asked.data, "train", splits, asked.fit)
    if asked.weights:
        seen, said = (np.array([w.scores[name] for w in train]) for name in ("seen", "probability"))
        evidence = np.stack([seen, said.clip(LEAST, 0)], axis=1)
        print_weights(evidence, np.array([not word.false for word in train]))
        return
    test = measured(asked.model, asked.data, "test", splits, asked.items)
    command = (
        f"python -m benchmarks.invented --items {asked.items} --fit {asked.fit} "
        f"--model {asked.model} --data {asked.data} --splits {asked.splits}"
    )
    text = document(asked.model, train, test, command)
    print(text)
    (asked.out / f"invented-{asked.model}.md").write_text(text, encoding="utf-8")


def measured(name: str, data: str, world: str, splits: Sequence[str], items: int) -> list[Word]:
    """Score the words of some splits."""
    load = cache(lambda: tam.load(name))
    found = []
    for split in splits:
        path = work_folder([name]) / f"invented-{world}-{split}.jsonl"
        replies = kept(path, items, scorer(load, data, split, world))
        found += [Word(**word) for reply in replies for word in reply]
    return found


def scorer(
    load: Callable[[], tam.Model], data: str, split: str, world: str
) -> Callable[[int], list[dict[str, Any]]]:
    """Return a function that scores the reply of a given index, as JSON values."""

    def score(number: int) -> list[dict[str, Any]]:
        if data == "photo":
            first = number + _FIT_FROM * (world == "train")
            [item] = photo_items(open_pack(None), split, 1, first=first)
        else:
            [item] = invented_items(split, 1, world=world, first=number)
        return [asdict(word) for word in scored(load(), item)]

    return score


def scored(model: tam.Model, item: Item) -> list[Word]:
    """Score the claims of a model's own reply by the first token of each, if it begins a word.

    Grounding is unknown for the rest of a word, which a confused model may glue to another one.
    """
    recording = model.run(item.conversation, **item.generation)
    text = recording.trace.text
    claims = item.with_reply(text.reply).claims
    scores = detect(Replay(model.checkpoint, recording)) if claims else {}
    found = []
    for claim in claims:
        index = text.covering(claim.start, claim.stop)[0] - text.prompt_targets
        if not np.isnan(scores["grounding"][index]):
            own = {name: float(values[index]) for name, values in scores.items()}
            found.append(Word(item.name, item.split, not claim.true, own))
    return found


def document(
    model: str,
    train: Sequence[Word],
    test: Sequence[Word],
    command: str,
    *,
    resamples: int = RESAMPLES,
) -> str:
    """Write one table for all splits together and one for each."""
    lines = [f"# Words that {model} invents", "", f"`{command}`", ""]
    names = [*train[0].scores, *(n for n in COMBINED if set(COMBINED[n]) <= set(train[0].scores))]
    fitted = {name: probabilities(train, test, name) for name in names}
    fitted[AS_IT_IS] = np.array([word.scores["grounding"] for word in test])
    for split in ("all", *dict.fromkeys(word.split for word in test)):
        chosen = [i for i, word in enumerate(test) if split in ("all", word.split)]
        words = [test[i] for i in chosen]
        false = sum(word.false for word in words)
        doubted = [word.false for word in words if word.scores["grounding"] < _DOUBTED]
        lines += [
            f"## {split}",
            "",
            f"{len(words)} judged words, {false} of them false. Grounding doubts {sum(doubted)} of "
            f"these, and {len(doubted) - sum(doubted)} of the true ones.",
            "",
        ]
        if not 0 < false < len(words):
            continue
        lines += ["| detector | AUROC | AUPR | ECE |", "| --- | ---: | ---: | ---: |"]
        for name, values in fitted.items():
            cells = figures(words, values[chosen], resamples)
            lines.append(f"| {name} | {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


def probabilities(train: Sequence[Word], test: Sequence[Word], name: str) -> Values:
    """Return the probability that each word of ``test`` is true, float64 [W]."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    parts = COMBINED.get(name, (name,))
    seen, told = (
        np.array([[word.scores[part] for part in parts] for word in words])
        for words in (train, test)
    )
    model = make_pipeline(StandardScaler(), LogisticRegression(C=100, max_iter=1000))
    model.fit(seen, [not word.false for word in train])
    return np.asarray(model.predict_proba(told)[:, 1])


def figures(words: Sequence[Word], values: Values, resamples: int) -> list[str]:
    """Return AUROC, AUPR of the false words, and the calibration error, with intervals."""
    from sklearn.metrics import average_precision_score

    false = np.array([word.false for word in words])
    replies = np.array([word.reply for word in words])
    members = [np.flatnonzero(replies == reply) for reply in dict.fromkeys(replies.tolist())]
    cells = []
    for measure in (
        lambda at: auroc(values[at][~false[at]], values[at][false[at]]),
        lambda at: average_precision_score(false[at], -values[at]) if false[at].any() else None,
        lambda at: calibration_error(values[at], ~false[at]),
    ):
        drawn = [
            measure(np.concatenate([members[i] for i in row]))
            for row in draws(len(members), resamples=resamples)
        ]
        told = interval(np.array([np.nan if value is None else value for value in drawn]))
        cells.append(f"{100 * told.value:.0f} [{100 * told.low:.0f}, {100 * told.high:.0f}]")
    return cells


def calibration_error(values: Values, true: NDArray[np.bool_]) -> float:
    """Return the expected calibration error: mean gap between probability and frequency by bin."""
    place = np.minimum((values * BINS).astype(int), BINS - 1)
    parts = [place == index for index in range(BINS)]
    return float(
        sum(
            part.mean() * abs(values[part].mean() - true[part].mean())
            for part in parts
            if part.any()
        )
    )


if __name__ == "__main__":
    with ended_in_one_line():
        main()
