"""Everyday names of the 1000 classes of the tower's classifier: some 650 nouns."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).parent / "names.txt"
_WITHOUT_UNIT = "# Names that have no unit"
_ANIMALS = range(398)
"""The ImageNet classes that are animals come first."""


@dataclass(frozen=True)
class Name:
    """A noun and the ImageNet classes that it names.

    Parameters
    ----------
    noun
        The everyday noun, in the singular.
    classes
        Indices of the classifier's outputs.
    has_unit
        Whether a unit of the projector is initialized for it.
    """

    noun: str
    classes: tuple[int, ...]
    has_unit: bool

    @property
    def is_animal(self) -> bool:
        """Whether all its classes are animals."""
        return all(number in _ANIMALS for number in self.classes)


@cache
def names() -> tuple[Name, ...]:
    """Return all names, in the order of the file."""
    found, has_unit = [], True
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        has_unit = has_unit and not line.startswith(_WITHOUT_UNIT)
        if line and not line.startswith("#"):
            noun, numbers = line.rsplit(":", 1)
            found.append(Name(noun, _numbers(numbers), has_unit))
    return tuple(found)


@cache
def animals() -> frozenset[str]:
    """Return the nouns that name animals."""
    return frozenset(name.noun for name in names() if name.is_animal)


def a(noun: str) -> str:
    """Return a noun with its indefinite article, or without one, as for scissors and bread."""
    if noun in WITHOUT_ARTICLE:
        return noun
    vowel = noun[0].lower() in "aeiou" and not noun.startswith(("uni", "eu", "ute"))
    return f"{'an' if vowel or noun.startswith('hour') else 'a'} {noun}"


WITHOUT_ARTICLE = frozenset(
    "armor beer binoculars bread broccoli candy chocolate coffee coral corn fire garlic ginger "
    "grapes guacamole hay holly jeans lavender lettuce pasta pliers rapeseed scissors soup "
    "sunglasses thyme timber tweezers wine".split()
) | {"mashed potato", "standing stones"}
"""Plurals and mass nouns."""


def _numbers(text: str) -> tuple[int, ...]:
    numbers: list[int] = []
    for part in text.split():
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return tuple(numbers)
