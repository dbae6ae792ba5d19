"""Words for COCO's objects in a text, and whether a picture shows what they name (CHAIR).

A caption invents an object if it names one of COCO's 80 categories that is neither annotated in the
picture nor named in one of its true captions (Rohrbach et al. 2018, arXiv 1809.02156). The list of
words for each category is this toolkit's (``coco_words.tsv``), so figures differ a little from
those with the published list.
"""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cache
from pathlib import Path

from tam.evaluate.items import Claim

_FILE = Path(__file__).parent / "coco_words.tsv"


@cache
def category_words() -> dict[str, str]:
    """Return the category of each word or phrase, in lower case."""
    found: dict[str, str] = {}
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            category, _, others = line.partition("\t")
            found |= dict.fromkeys([category, *filter(None, others.split(","))], category)
    return found


def named_objects(text: str) -> list[tuple[int, int, str]]:
    """Find words for COCO's categories: start, stop and category of each, see :func:`named`."""
    words = category_words()
    return [(start, stop, words[word]) for start, stop, word in named(text, frozenset(words))]


def named(text: str, nouns: frozenset[str]) -> list[tuple[int, int, str]]:
    """Find nouns in a text, in the singular or the plural (-s, -es, -ies), in any case.

    Parameters
    ----------
    text
        The text. The longest noun counts at each place: a hot dog is no dog.
    nouns
        The nouns and phrases, in lower case and in the singular.

    Returns
    -------
    Start, stop and noun of each.
    """
    found = []
    for match in _pattern(nouns).finditer(text):
        said = match.group().lower()
        forms = (said, said.removesuffix("s"), said.removesuffix("es"), f"{said[:-3]}y")
        found.append((*match.span(), next(form for form in forms if form in nouns)))
    return found


def object_claims(
    present: Collection[str], references: Iterable[str]
) -> Callable[[str], Sequence[Claim]]:
    """Return a function that finds the objects that a text names, and whether they are there.

    Parameters
    ----------
    present
        The categories that are annotated in the picture.
    references
        True captions, whose objects are in the picture too.
    """
    shown = {*present, *(name for text in references for _, _, name in named_objects(text))}

    def claims(text: str) -> list[Claim]:
        return [Claim(start, stop, name in shown) for start, stop, name in named_objects(text)]

    return claims


@cache
def _pattern(nouns: frozenset[str]) -> re.Pattern[str]:
    forms = []
    for noun in sorted(nouns, key=len, reverse=True):
        plain = re.escape(noun)
        forms.append(f"{plain[:-1]}(?:y|ies|ys)" if noun[-1] == "y" else f"{plain}(?:s|es)?")
    return re.compile(rf"\b(?:{'|'.join(forms)})\b", re.IGNORECASE)
