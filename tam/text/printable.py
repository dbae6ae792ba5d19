"""Untrusted text, such as a model's words or file names, made safe to print."""

import re
import unicodedata
from typing import Any

# Controls except newline and tab, lone surrogates, bidirectional controls, the byte order mark, and
# noncharacters.
_UNFIT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200e\u200f\u202a-\u202e"
    "\u2066-\u206f\ufeff\ufff9-\ufffb\ufdd0-\ufdef"
    + "".join(chr(0x10000 * plane + low) for plane in range(17) for low in (0xFFFE, 0xFFFF))
    + "]"
)


def printable(text: str) -> str:
    r"""Return the text without characters that could control a terminal or reorder other text.

    Control characters (except newline and tab), bidirectional controls, byte order marks and
    noncharacters are dropped; lone surrogates become U+FFFD. The result is also well-formed in
    HTML, SVG and XML. Joiners stay, because emoji and several scripts need them.

    Examples
    --------
    >>> printable("a\x1b[31mb")
    'a[31mb'
    """
    return _UNFIT.sub(_replacement, text)


def _replacement(match: re.Match[str]) -> str:
    return "\ufffd" if unicodedata.category(match[0]) == "Cs" else ""


def json_text(value: Any, *, indent: int | None = 2) -> str:
    r"""Write JSON that is safe to print: characters that :func:`printable` drops are escaped.

    Examples
    --------
    >>> print(json_text("caf\xe9 \x9b31m"))
    "café \u009b31m"
    """
    import json  # imported late, because every import of the package loads this module

    written = json.dumps(value, ensure_ascii=False, indent=indent)
    # Such characters occur only in strings, where JSON can escape them.
    return _UNFIT.sub(lambda match: json.dumps(match[0])[1:-1], written)


def one_line(text: str) -> str:
    r"""Return printable text on one line, for a message or a label.

    Examples
    --------
    >>> one_line("a clip\n named\t so")
    'a clip named so'
    """
    return " ".join(printable(text).split())


def on_one_line(text: str) -> str:
    r"""Return printable text with visible white space, for a table cell.

    Examples
    --------
    >>> on_one_line(" cat\n")
    '␣cat↵'
    """
    return printable(text).replace("\n", "↵").replace("\t", "⇥").replace(" ", "␣")


def decimal(value: float | None) -> str:
    """Format a value from 0 to 1, or None as "not known".

    Examples
    --------
    >>> decimal(0.873), decimal(None)
    ('0.87', 'not known')
    """
    return "not known" if value is None else f"{value:.2f}"


def percent(probability: float | None) -> str:
    """Format a probability; small ones are never rounded to 0.

    Examples
    --------
    >>> percent(0.873), percent(1e-7), percent(None)
    ('87.3%', '<0.1%', '–')
    """
    if probability is None:
        return "–"
    return "<0.1%" if 0 < probability < 0.0005 else f"{probability:.1%}"
