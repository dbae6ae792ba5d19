"""``python -m tam.photo.check``: measures how well the photo model names what it is shown."""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy.stats import binomtest

from tam.model.assembled import assembled_folder
from tam.model.loading import load
from tam.model.model import Model
from tam.photo.asking import Picture, preference, replies
from tam.photo.composed import Composite, composites
from tam.photo.held_out import held_out, open_held_out
from tam.photo.naming import names_it, says
from tam.photo.tower import Tower, squared
from tam.photo.training.pictures import held_out_nouns
from tam.photo.training.text import WHAT, caption, presence_question
from tam.photo.vocabulary import names


@dataclass(frozen=True)
class Share:
    """How many of a number of cases went well.

    Parameters
    ----------
    name
        What was measured.
    right, count
        How many of how many.
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
class Said:
    """A picture, what it shows, and what was said of it."""

    picture: str
    shown: str
    reply: str
    tower: str
    right: bool


def main() -> None:
    """Read the command line, measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tam.photo.check", description=__doc__)
    parser.add_argument("--data", type=Path, help="the unpacked Debian packages, for all measures")
    parser.add_argument("--composites", type=int, default=40, help="of each kind")
    parser.add_argument("--out", type=Path, help="a JSON file for figures and replies")
    given = parser.parse_args()
    model, tower = load("photo"), Tower(assembled_folder())
    figures: list[Share] = []
    said: list[Said] = []
    for share in _all(model, tower, given.data, given.composites, said):
        figures.append(share)
        print(share, flush=True)
    if given.out is not None:
        told = {"figures": [asdict(f) for f in figures], "said": [asdict(s) for s in said]}
        given.out.write_text(json.dumps(told, indent=2, ensure_ascii=False), encoding="utf-8")


def _all(
    model: Model, tower: Tower, data: Path | None, count: int, said: list[Said]
) -> Iterator[Share]:
    yield from photographs(model, tower, data, said)
    if data is None:
        return
    tests = {kind: list(composites(data, kind, count)) for kind in ("held in", "held out", "two")}
    yield from single_composites(model, tower, tests["held in"] + tests["held out"], said)
    yield from two_objects(model, tests["two"], said)
    yield from presence(model, tests["two"])


def photographs(model: Model, tower: Tower, data: Path | None, said: list[Said]) -> Iterator[Share]:
    """Held-out photographs: named by the model, and by the tower's own classifier."""
    opened = [(item, open_held_out(item, data)) for item in held_out()]
    shown = [(item, picture) for item, picture in opened if picture is not None]
    told = replies(model, [picture for _, picture in shown], WHAT[0])
    own = tower_names(tower, [picture for _, picture in shown])
    right = [names_it(reply, item.accepted) for (item, _), reply in zip(shown, told, strict=True)]
    for (item, _), reply, name, good in zip(shown, told, own, right, strict=True):
        said.append(Said(item.path, item.noun, reply, name, good))
    by_tower = [names_it(name, item.accepted) for (item, _), name in zip(shown, own, strict=True)]
    yield Share("photographs, named", sum(right), len(right))
    yield Share("photographs, the tower's own first name", sum(by_tower), len(by_tower))


def single_composites(
    model: Model, tower: Tower, tests: Sequence[Composite], said: list[Said]
) -> Iterator[Share]:
    """One object on a background: nouns that were trained on, and the two groups held out."""
    known = {name.noun for name in names()}
    told = replies(model, [test.picture for test in tests], WHAT[0])
    own = tower_names(tower, [test.picture for test in tests])
    groups: dict[str, list[tuple[bool, bool]]] = {}
    for test, reply, name in zip(tests, told, own, strict=True):
        [noun] = test.nouns
        group = "held in"
        if noun in held_out_nouns():
            group = "held out, name known" if noun in known else "held out, name never met"
        good = says(reply, noun)
        groups.setdefault(group, []).append((good, name == noun))
        said.append(Said(f"composite, {group}", noun, reply, name, good))
    for group, found in groups.items():
        yield Share(f"composites, {group}", sum(good for good, _ in found), len(found))
        yield Share(f"composites, {group}, the tower", sum(own for _, own in found), len(found))


def two_objects(model: Model, tests: Sequence[Composite], said: list[Said]) -> Iterator[Share]:
    """Two objects: both named; the true caption likelier than one of two other objects."""
    told = replies(model, [test.picture for test in tests], WHAT[0])
    both = [
        all(says(reply, noun) for noun in t.nouns) for t, reply in zip(tests, told, strict=True)
    ]
    some = [
        any(says(reply, noun) for noun in t.nouns) for t, reply in zip(tests, told, strict=True)
    ]
    for test, reply, good in zip(tests, told, both, strict=True):
        said.append(Said("two objects", " and ".join(test.nouns), reply, "", good))
    yield Share("two objects, both named", sum(both), len(both))
    yield Share("two objects, at least one named", sum(some), len(some))
    half = tests[: len(tests) // 2]
    others = [*half[1:], half[0]]
    better = [
        own > false
        for test, other in zip(half, others, strict=True)
        for own, false in [
            preference(model, test.picture, WHAT[0], (caption(test.nouns), caption(other.nouns)))
        ]
    ]
    yield Share("two objects, the true caption preferred", sum(better), len(better))


def presence(model: Model, tests: Sequence[Composite]) -> Iterator[Share]:
    """Is something in the picture? It is for half of the questions, and is not for the others."""
    half = tests[len(tests) // 2 :]
    for name, asked in (("is", half), ("is not", [*half[1:], half[0]])):
        good = []
        for test, other in zip(half, asked, strict=True):
            noun = other.nouns[0]
            if name == "is not" and noun in test.nouns:
                continue
            yes, no = preference(model, test.picture, presence_question(noun), ("Yes", "No"))
            good.append((yes > no) == (name == "is"))
        yield Share(f"asked for what {name} there", sum(good), len(good))


def tower_names(tower: Tower, pictures: Sequence[Picture]) -> list[str]:
    """The everyday name of the tower's likeliest class, for each picture."""
    noun = {number: name.noun for name in names() for number in name.classes}
    found = []
    for picture in pictures:
        features = tower.features([squared(picture)])[0].mean(0)
        scores = features @ tower.weight.T + tower.bias
        found.append(noun.get(int(np.argmax(scores.numpy())), "-"))
    return found


if __name__ == "__main__":
    main()
