"""Tables of the reply's words: CSV for spreadsheets, pandas DataFrames for Python."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import regex

from tam.errors import SetupError
from tam.explanation import strength
from tam.explanation.check import Check
from tam.explanation.explanation import Explanation
from tam.explanation.word import Word
from tam.media.media import Media
from tam.text.printable import printable

if TYPE_CHECKING:
    from pandas import DataFrame

DIGITS: Final = {
    "index": "d",
    "word": "s",
    "turn": "d",
    "start": "d",
    "end": "d",
    "probability": ".6g",
    "grounding": ".4f",
    "visual": ".4f",
    "textual": ".4f",
    "share": ".4f",
    "focus": ".4f",
    "media": "d",
    "frame": "d",
    "seconds": ".3f",
    "place": "s",
    "x": "d",
    "y": "d",
    "earlier": "s",
    "relevance": ".4f",
    "used": "s",
    "score": ".4f",
    "check": "s",
}
"""The columns, and the number of digits with which each is written to a file.

``start`` and ``end`` are the word's span in the reply; ``visual`` to ``focus`` are defined in
:mod:`tam.explanation.strength`; then come the map's peak, in pixels of the original picture;
``place``, which describes the slice of a volume; the earlier word with the highest relevance; and
the result of the check (:class:`Check`), with ``used`` as yes or no.
"""

COLUMNS: Final = tuple(DIGITS)

# Matches where a spreadsheet may begin a cell (at the beginning of a text, and after anything that
# it may treat as a separator), if a formula follows: characters that it skips, then one that begins
# a formula, in any width. Apostrophes also match, so that removing ours restores every text.
_FORMULA: Final = regex.compile(
    r"(?:\A|(?<=[,;|\t\r\n]))"
    r"(?=[\s\p{Cf}\p{Default_Ignorable_Code_Point}\"]*[=+\-@|%'＝＋－＠％｜﹦﹢﹣﹫﹪⁼⁺⁻₌₊₋−])"
)


def words_csv(explanation: Explanation) -> str:
    """Return a CSV table with one line for each word of the reply, under a header line.

    Text that a spreadsheet would run as a formula is preceded by an apostrophe, at the beginning of
    a word and after separators in it. Numbers have a decimal point. A cell is empty if its value is
    not known or does not exist, such as the peak of an all-zero map.

    Returns
    -------
    CSV as defined by RFC 4180.
    """
    return rows_csv([word_row(word) for word in explanation.words])


def rows_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return a CSV table of rows from :func:`word_row`, as :func:`words_csv` does."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_spelled(row[name], digits) for name, digits in DIGITS.items()])
    return stream.getvalue()


def words_frame(explanation: Explanation) -> "DataFrame":
    """Return a DataFrame with a row for each word and the columns of the CSV, at full precision.

    Unknown values become pandas' missing value; texts are unchanged.

    Raises
    ------
    SetupError
        If pandas is not installed.
    """
    try:
        from pandas import DataFrame
    except ImportError as error:
        raise SetupError(
            "pandas is not installed", where="to_pandas", remedy="pip install pandas"
        ) from error
    frame = DataFrame([word_row(word) for word in explanation.words], columns=list(COLUMNS))
    kinds = {"d": "Int64", "s": "object"}
    return frame.astype({name: kinds.get(kind, "float64") for name, kind in DIGITS.items()})


def word_row(word: Word) -> dict[str, Any]:
    """Return all columns of a word at full precision; None where a value is not known."""
    explanation, span, cells = word.explanation, word.span, word.cells()
    highest = strength.peak(explanation, cells)
    visual, textual = strength.height(cells, highest), word.textual
    earlier = strength.earlier(explanation, word.targets) or ()
    best = max(earlier, key=lambda pair: pair[1], default=None)
    related = best if best and best[1] > 0 else None
    return {
        "index": word.index,
        "word": word.text,
        "turn": word.turn,
        "start": span and span[0],
        "end": span and span[1],
        "probability": word.probability,
        "grounding": word.grounding,
        "visual": visual,
        "textual": textual,
        "share": strength.share(visual, textual),
        "focus": strength.focus(explanation, cells),
        "media": highest and highest.media,
        "frame": highest and highest.frame,
        "seconds": highest and _seconds(explanation.media[highest.media], highest.frame),
        "place": highest and _place(explanation.media[highest.media], highest.frame),
        "x": highest and highest.x,
        "y": highest and highest.y,
        "earlier": related and Word(explanation, related[0]).text,
        "relevance": related and related[1],
        **_checked(word.check),
    }


def _seconds(item: Media, frame: int) -> float | None:
    return float(item.times[frame]) if item.axis.is_time else None


def _place(item: Media, frame: int) -> str | None:
    """Describe the place of a slice of a volume; None for a frame that has a time."""
    return None if item.axis.is_time else item.place(frame)


def _checked(check: Check | None) -> dict[str, Any]:
    if check is None:
        return {"used": None, "score": None, "check": None}
    used = None if check.used is None else ("no", "yes")[check.used]
    return {"used": used, "score": check.score, "check": check.sentence}


def _spelled(value: Any, digits: str) -> str:
    if value is None:
        return ""
    return guarded(value) if digits == "s" else format(value, digits)


def guarded(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would run as a formula."""
    return _FORMULA.sub("'", printable(text))
