"""Referring expressions, such as "left man in red": the noun that names their object."""

from tam.evaluate.object_words import named_objects
from tam.text.function_words import is_content

EXPRESSION_PROMPT = "Which object do I mean? Answer with a short phrase."
"""The question that a referring expression answers."""

_PLACES = frozenset(
    "left right top bottom middle center centre front back side upper lower far near nearest "
    "closest furthest farthest leftmost rightmost corner edge most background foreground".split()
)
_PUNCTUATION = ".,;:!?\"'"


def head_noun(text: str) -> str | None:
    """Return the noun that names the object of an English referring expression, as it is written.

    It is the first word for one of COCO's categories (:mod:`tam.evaluate.object_words`). If there
    is none, it is the last word before whatever describes the object further: punctuation, a word
    in -ing ("goat walking uphill") or a function word ("cart in the shade"). Words for places do
    not count, since expressions put them anywhere ("left cart", "cart left").

    Returns
    -------
    The noun; None if there is none, or if it occurs twice, so that it may name another object too.
    """
    found = next((text[start:stop] for start, stop, _ in named_objects(text)), None)
    found = found or _before_description(text)
    words = [word.strip(_PUNCTUATION).lower() for word in text.split()]
    if found is None or any(words.count(part) > 1 for part in found.lower().split()):
        return None
    return found


def _before_description(text: str) -> str | None:
    found = None
    for word in text.split():
        plain = word.strip(_PUNCTUATION)
        if not is_content(plain) or plain.lower().endswith("ing"):
            if found is not None:
                break
        elif plain.lower() not in _PLACES:
            found = plain
        if found is not None and word[-1] in _PUNCTUATION:
            break
    return found
