import csv
import io

import pytest

from tam.explanation.explanation import Explanation
from tam.render.table import COLUMNS, words_csv
from tests.hand_made import explanation, several


def read(result: Explanation) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(words_csv(result), newline="")))


def test_every_word_has_a_line_with_its_numbers() -> None:
    result = several()
    rows = read(result)
    assert [row["word"] for row in rows] == [word.text for word in result.words]
    for index, (row, word) in enumerate(zip(rows, result.words, strict=True)):
        highest, (earlier, relevance) = word.peak(), word.earlier()[0]
        assert highest is not None
        assert row["index"] == str(index)
        assert float(row["probability"]) == pytest.approx(word.probability, rel=1e-5)
        assert float(row["visual"]) == pytest.approx(word.visual, abs=1e-4)
        assert float(row["textual"]) == pytest.approx(word.textual, abs=1e-4)
        place = (highest.media, highest.frame, highest.x, highest.y)
        assert tuple(int(row[name]) for name in ("media", "frame", "x", "y")) == place
        assert float(row["seconds"]) == result.media[highest.media].times[highest.frame]
        assert row["earlier"] == earlier.text
        assert float(row["relevance"]) == pytest.approx(relevance, abs=1e-4)


def test_nothing_to_tell_is_an_empty_cell() -> None:
    result = explanation(prompt=())
    result.maps[:] = 0
    (row, *_) = read(result)
    assert [row[name] for name in ("media", "frame", "seconds", "x", "y")] == [""] * 5
    assert row["earlier"] == row["relevance"] == ""
    assert set(row) == set(COLUMNS)


HOSTILE = (
    "=1+1",
    "+1",
    "-2",
    "@SUM(A1)",
    "=HYPERLINK(0)",
    "\x00=1",
    "\u200e=1",
    "＝1",
    "|calc",
    "%x",
    "'=1",
    'say "=1"',
    "a,=1",
    "a\n=1",
    "\ud800",
    "a;=1",
    "\u200b=1",
    ' "=1"',
    "a|\u200b +1",
)


@pytest.mark.promise(
    "hostile words",
    "words that a spreadsheet would evaluate",
    "text in every cell, even after separators and invisible characters",
)
def test_no_cell_is_a_formula_and_every_word_can_be_read_back() -> None:
    result = explanation(reply=HOSTILE, prompt=("=cmd",))
    rows = read(result)
    assert len(rows) == len(HOSTILE)
    for row in rows:
        for name in ("word", "earlier"):
            assert row[name][:1] not in set("=+-@\t\r|%＝＋－＠")
    assert rows[0]["word"] == "'=1+1"
    assert rows[0]["earlier"] == "'=cmd"
    assert rows[10]["word"] == "''=1"
    assert [row["word"] for row in rows[11:14]] == ['say "=1"', "a,'=1", "a\n'=1"]
    assert [row["word"] for row in rows[15:]] == ["a;'=1", "'\u200b=1", '\'"=1"', "a|'\u200b +1"]
    words_csv(result).encode("utf-8")
