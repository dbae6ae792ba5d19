"""The reply's words as a table in CSV, for spreadsheets and data frames."""

import csv
import io
from typing import Final

import regex

from tam.explanation.evidence import evidence, peak, strongest_earlier
from tam.explanation.explanation import Explanation
from tam.explanation.word import Word
from tam.text.printable import printable

COLUMNS: Final = (
    "index",
    "word",
    "probability",
    "visual",
    "textual",
    "media",
    "frame",
    "seconds",
    "x",
    "y",
    "earlier",
    "relevance",
)
"""``visual`` and ``textual`` are :class:`tam.explanation.evidence.Evidence`; then where the map is
highest, in pixels of the original picture; then the earlier word of the highest relevance."""

# Where a spreadsheet may begin a cell: at a text's beginning, and after whatever it takes for a
# separator. Then what it skips; then what makes it read a formula, also in other widths, or the
# mark itself, so that taking it off again gives every text back.
_FORMULA: Final = regex.compile(
    r"(?:^|(?<=[,;:|\s]))"
    r"(?=[\s\p{Cf}\p{Default_Ignorable_Code_Point}\"]*[=+\-@|%'＝＋－＠％｜﹦﹢﹣﹫﹪⁼⁺⁻₌₊₋−])"
)


def words_csv(explanation: Explanation) -> str:
    """Write one line for each word of the reply, under a line of column names.

    What a spreadsheet would run as a formula has an apostrophe before it, at a word's beginning
    and behind separators in it. Numbers have a point; a cell is empty where there is nothing to tell, such as the place of an all-zero map.

    Returns
    -------
    CSV after RFC 4180.
    """
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(COLUMNS)
    for index, word in enumerate(explanation.words):
        writer.writerow(_row(index, word))
    return stream.getvalue()


def _row(index: int, word: Word) -> list[str | int]:
    weighed = evidence(word)
    return [
        index,
        _guarded(word.text),
        "" if word.probability is None else f"{word.probability:.6g}",
        f"{weighed.visual:.4f}",
        f"{weighed.textual:.4f}",
        *_place(word),
        *_earlier(word),
    ]


def _place(word: Word) -> list[str | int]:
    highest = peak(word)
    if highest is None:
        return [""] * 5
    seconds = word.explanation.media[highest.media].times[highest.frame]
    return [highest.media, highest.frame, f"{seconds:.3f}", highest.x, highest.y]


def _earlier(word: Word) -> list[str]:
    ranked = strongest_earlier(word)
    if not ranked or ranked[0][1] <= 0:
        return ["", ""]
    return [_guarded(ranked[0][0].text), f"{ranked[0][1]:.4f}"]


def _guarded(text: str) -> str:
    return _FORMULA.sub("'", printable(text))
