"""``python -m tam.photo.check`` measures how well the photo model names what it is shown."""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy.stats import binomtest

from tam.errors import ended_in_one_line
from tam.model.assembled import CAPTION_QUESTIONS, assembled_folder
from tam.model.loading import load
from tam.model.model import Model
from tam.photo.asking import Picture, preference, replies
from tam.photo.composed import Composite, composites
from tam.photo.held_out import held_out, open_held_out
from tam.photo.naming import names_it, says
from tam.photo.tower import Tower, squared
from tam.photo.training.pictures import held_out_nouns
from tam.photo.training.text import caption, presence_question
from tam.photo.vocabulary import names


@dataclass(frozen=True)
class Share:
    """The share of cases in which a measurement succeeded.

    Parameters
    ----------
    name
        What was measured.
    right, count
        The number of successes, and of cases.
    """

    name: str
    right: int
    count: int

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the share."""
        found = binomtest(self.right, self.count).proportion_ci(method="wilson")
        return float(found.low), float(found.high)

    def __str__(self) -> str:
        low, high = (round(100 * bound) for bound in self.interval)
        percent = 100 * self.right / self.count
        return f"{self.name}: {self.right} of {self.count}, {percent:.0f} % ({low} to {high})"


@dataclass(frozen=True)
class Record:
    """A picture, what it shows, the model's reply and the tower's name for it."""

    picture: str
    shown: str
    reply: str
    tower: str
    right: bool


def main() -> None:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tam.photo.check", description=__doc__)
    parser.add_argument("--data", type=Path, help="unpacked Debian packages, for all measurements")
    parser.add_argument("--model", type=Path, help="a model that was trained (default: photo)")
    parser.add_argument("--composites", type=int, default=40, help="composites of each kind")
    parser.add_argument(
        "--question", help="ask this about the photographs, and measure nothing else"
    )
    parser.add_argument("--out", type=Path, help="JSON file to write figures and replies to")
    given = parser.parse_args()
    model = load("photo" if given.model is None else str(given.model))
    tower = Tower(given.model or assembled_folder())
    figures: list[Share] = []
    records: list[Record] = []
    measured = (
        _all(model, tower, given.data, given.composites, records)
        if given.question is None
        else photographs(model, tower, given.data, records, given.question)
    )
    for share in measured:
        figures.append(share)
        print(share, flush=True)
    if given.out is not None:
        document = {"figures": [asdict(f) for f in figures], "said": [asdict(r) for r in records]}
        given.out.write_text(json.dumps(document, indent=2, ensure_ascii=False), encoding="utf-8")


def _all(
    model: Model, tower: Tower, data: Path | None, count: int, records: list[Record]
) -> Iterator[Share]:
    yield from photographs(model, tower, data, records)
    if data is None:
        return
    tests = {kind: list(composites(data, kind, count)) for kind in ("held in", "held out", "two")}
    yield from single_composites(model, tower, tests["held in"] + tests["held out"], records)
    yield from two_objects(model, tests["two"], records)
    yield from presence(model, tests["two"])


def photographs(
    model: Model,
    tower: Tower,
    data: Path | None,
    records: list[Record],
    question: str = CAPTION_QUESTIONS[0],
) -> Iterator[Share]:
    """Measure how many held-out photographs the model and the tower's classifier name."""
    opened = [(item, open_held_out(item, data)) for item in held_out()]
    shown = [(item, picture) for item, picture in opened if picture is not None]
    texts = replies(model, [picture for _, picture in shown], question)
    own = tower_names(tower, [picture for _, picture in shown])
    right = [names_it(reply, item.accepted) for (item, _), reply in zip(shown, texts, strict=True)]
    for (item, _), reply, name, good in zip(shown, texts, own, right, strict=True):
        records.append(Record(item.path, item.noun, reply, name, good))
    by_tower = [names_it(name, item.accepted) for (item, _), name in zip(shown, own, strict=True)]
    yield Share("photographs, named", sum(right), len(right))
    yield Share("photographs, the tower's top-1 name", sum(by_tower), len(by_tower))


def single_composites(
    model: Model, tower: Tower, tests: Sequence[Composite], records: list[Record]
) -> Iterator[Share]:
    """Measure one object on a background: nouns of the training, and two held-out groups."""
    known = {name.noun for name in names()}
    texts = replies(model, [test.picture for test in tests], CAPTION_QUESTIONS[0])
    own = tower_names(tower, [test.picture for test in tests])
    groups: dict[str, list[tuple[bool, bool]]] = {}
    for test, reply, name in zip(tests, texts, own, strict=True):
        [noun] = test.nouns
        group = "held in"
        if noun in held_out_nouns():
            group = "held out, name known" if noun in known else "held out, name never met"
        good = says(reply, noun)
        groups.setdefault(group, []).append((good, name == noun))
        records.append(Record(f"composite, {group}", noun, reply, name, good))
    for group, found in groups.items():
        yield Share(f"composites, {group}", sum(good for good, _ in found), len(found))
        yield Share(f"composites, {group}, the tower", sum(own for _, own in found), len(found))


def two_objects(model: Model, tests: Sequence[Composite], records: list[Record]) -> Iterator[Share]:
    """Measure two objects: whether both are named, and whether the true caption is preferred."""
    texts = replies(model, [test.picture for test in tests], CAPTION_QUESTIONS[0])
    both = [
        all(says(reply, noun) for noun in t.nouns) for t, reply in zip(tests, texts, strict=True)
    ]
    some = [
        any(says(reply, noun) for noun in t.nouns) for t, reply in zip(tests, texts, strict=True)
    ]
    for test, reply, good in zip(tests, texts, both, strict=True):
        records.append(Record("two objects", " and ".join(test.nouns), reply, "", good))
    yield Share("two objects, both named", sum(both), len(both))
    yield Share("two objects, at least one named", sum(some), len(some))
    half = tests[: len(tests) // 2]
    others = [*half[1:], half[0]]
    better = [
        own > false
        for test, other in zip(half, others, strict=True)
        for own, false in [
            preference(
                model,
                test.picture,
                CAPTION_QUESTIONS[0],
                (caption(test.nouns), caption(other.nouns)),
            )
        ]
    ]
    yield Share("two objects, the true caption preferred", sum(better), len(better))


def presence(model: Model, tests: Sequence[Composite]) -> Iterator[Share]:
    """Measure yes-no questions about objects that are in the picture, and others that are not."""
    half = tests[len(tests) // 2 :]
    for name, asked in (("is", half), ("is not", [*half[1:], half[0]])):
        good = []
        for test, other in zip(half, asked, strict=True):
            noun = other.nouns[0]
            if name == "is not" and noun in test.nouns:
                continue
            yes, no = preference(model, test.picture, presence_question(noun), ("Yes", "No"))
            good.append((yes > no) == (name == "is"))
        yield Share(f"asked about what {name} there", sum(good), len(good))


def tower_names(tower: Tower, pictures: Sequence[Picture]) -> list[str]:
    """Return the everyday name of the tower's most probable class, for each picture."""
    noun = {number: name.noun for name in names() for number in name.classes}
    found = []
    for picture in pictures:
        features = tower.features([squared(picture)])[0].mean(0)
        scores = features @ tower.weight.T + tower.bias
        found.append(noun.get(int(np.argmax(scores.numpy())), "-"))
    return found


if __name__ == "__main__":
    with ended_in_one_line():
        main()
