"""Untrusted text made fit to print: what a model wrote or a file is called."""

import unicodedata

_BIDI_CONTROLS = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)


def printable(text: str) -> str:
    r"""Return the text without what could steer a terminal or reorder the text around it.

    Control characters (all but newline and tab) and bidirectional controls are dropped, half
    surrogates become U+FFFD. Joiners stay: emoji and several scripts need them.

    Examples
    --------
    >>> printable("a\x1b[31mb")
    'a[31mb'
    """
    return "".join(_printable(character) for character in text)


def _printable(character: str) -> str:
    if character in "\n\t":
        return character
    category = unicodedata.category(character)
    if category == "Cs":
        return "\ufffd"
    return "" if category == "Cc" or character in _BIDI_CONTROLS else character


def on_one_line(text: str) -> str:
    r"""Return printable text with white space made visible, for a label or a table's cell.

    Examples
    --------
    >>> on_one_line(" cat\n")
    '␣cat↵'
    """
    return printable(text).replace("\n", "↵").replace("\t", "⇥").replace(" ", "␣")


def decimal(value: float | None) -> str:
    """Spell a value from 0 to 1, and one that is not known.

    Examples
    --------
    >>> decimal(0.873), decimal(None)
    ('0.87', 'not known')
    """
    return "not known" if value is None else f"{value:.2f}"


def percent(probability: float | None) -> str:
    """Spell a probability; a small one is never rounded to nothing.

    Examples
    --------
    >>> percent(0.873), percent(1e-7), percent(None)
    ('87.3%', '<0.1%', '–')
    """
    if probability is None:
        return "–"
    return "<0.1%" if 0 < probability < 0.0005 else f"{probability:.1%}"
