"""Word taggers: which words are nouns, which are function words, and their base forms.

The published evaluation tags each word on its own with NLTK. NLTK's data is not installed on every
machine, so the tagger is an argument, and every result carries the name of the one that was used.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tam.errors import SetupError
from tam.photo.vocabulary import names
from tam.scenes.world import COLORS, SHAPES
from tam.text.function_words import FUNCTION_WORDS, OTHER_WORDS

NOUN, FUNCTION, OTHERS = "noun", "function", "others"

FUNCTION_TAGS: frozenset[str] = frozenset(
    ("CC", "DT", "EX", "MD", "POS", "PRP", "PRP$", "UH", "WDT", "WP", "WP$", "WRB")
)
"""Penn Treebank tags of function words; prepositions (IN) and numbers (CD) do not count."""
NOUN_TAGS: frozenset[str] = frozenset(("NN", "NNS", "NNP", "NNPS"))


@dataclass(frozen=True)
class Tagger:
    """A word tagger: finds the object words and the function words of a text.

    Parameters
    ----------
    name
        Its name, which is part of every result.
    kind
        Returns ``"noun"``, ``"function"`` or ``"others"`` for a word without context.
    lemma
        Returns the base form of a lower-case word.
    """

    name: str
    kind: Callable[[str], str]
    lemma: Callable[[str], str]


def nltk_tagger() -> Tagger:
    """Tag and lemmatize with NLTK, as published.

    Raises
    ------
    SetupError
        If NLTK or its data is missing. Nothing is downloaded.
    """
    needed = {
        "averaged_perceptron_tagger_eng": "taggers/averaged_perceptron_tagger_eng",
        "wordnet": "corpora/wordnet",
    }
    missing = [name for name, place in needed.items() if not has_nltk_data(place)]
    if missing:
        raise SetupError(
            f"NLTK's data is missing: {', '.join(missing)}",
            where="word tagger",
            remedy=f"pip install nltk && python -m nltk.downloader {' '.join(missing)}",
        )
    from nltk import pos_tag
    from nltk.stem import WordNetLemmatizer

    def kind(word: str) -> str:
        tag = pos_tag([word])[0][1] if word else ""
        return FUNCTION if tag in FUNCTION_TAGS else NOUN if tag in NOUN_TAGS else OTHERS

    return Tagger("nltk", kind, WordNetLemmatizer().lemmatize)


def scene_tagger() -> Tagger:
    """Tag the words of the scenes exactly.

    Colors count as object words, like shapes, because each color has an exact mask too.
    """
    return _lexicon_tagger("scene lexicon", (*COLORS, *SHAPES))


def photo_tagger(nouns: Iterable[str]) -> Tagger:
    """Tag the words of composites and mosaics exactly, given the nouns that can occur in them.

    Any name that the photo model's tower knows is a noun too, since a reply may contain a wrong
    one.
    """
    named = [*nouns, *(name.noun for name in names())]
    return _lexicon_tagger("photo lexicon", [word for noun in named for word in noun.split()])


def _lexicon_tagger(name: str, nouns: Iterable[str]) -> Tagger:
    objects = frozenset(noun.lower() for noun in nouns)

    def kind(word: str) -> str:
        base = singular(word.lower())
        return NOUN if base in objects else _closed_kind(word) or OTHERS

    return Tagger(name, kind, singular)


def closed_class_tagger() -> Tagger:
    """Tag by lists of the closed classes: any other word of letters counts as a noun.

    So verbs and adjectives that are part of a category's name count as its noun too, and the mean
    threshold of the function words is computed over more words than with a real tagger.
    """

    def kind(word: str) -> str:
        return _closed_kind(word) or (NOUN if any(map(str.isalpha, word)) else OTHERS)

    return Tagger("closed-class lexicon", kind, singular)


def best_tagger() -> Tagger:
    """Return NLTK's tagger if its data is on this machine, else the closed-class tagger."""
    try:
        return nltk_tagger()
    except SetupError:
        return closed_class_tagger()


def has_nltk_data(place: str) -> bool:
    """Whether NLTK and one of its data packages, zipped or not, are on this machine."""
    try:
        from nltk.data import find
    except ImportError:
        return False
    for path in (place, f"{place}.zip"):
        try:
            find(path)
        except LookupError:
            continue
        return True
    return False


def singular(word: str) -> str:
    """Drop an English plural's ending: "boxes" becomes "box", but "grass" and "bus" stay."""
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    if word.endswith(("ches", "shes", "sses", "xes", "zes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3:
        return word[:-1]
    return word


def _closed_kind(word: str) -> str | None:
    lower = word.lower()
    return FUNCTION if lower in FUNCTION_WORDS else OTHERS if lower in OTHER_WORDS else None
