import warnings
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import ImageFont

from tam.cli.export import noting_boxes
from tam.render.lettering import (
    Piece,
    Placed,
    font_for,
    laid_out,
    plain_font,
    shortened,
    spelled,
    without_glyph,
)
from tests.hand_made import explanation


def placed(text: str, width: float, size: int = 20) -> list[Placed]:
    pieces = [Piece(word, index > 0, False) for index, word in enumerate(text.split(" "))]
    return laid_out(pieces, width, size)


def lines(items: Sequence[Placed]) -> list[list[str]]:
    count = items[-1].line + 1
    return [[item.piece.text for item in items if item.line == line] for line in range(count)]


def test_lines_are_as_full_as_their_width_allows() -> None:
    items = placed("one two three four five six seven", 120)
    rows = lines(items)
    assert [word for row in rows for word in row] == "one two three four five six seven".split()
    font = plain_font(20)
    for row, after in zip(rows, [*rows[1:], None], strict=True):
        assert font.getlength(" ".join(row)) <= 120
        if after:
            assert font.getlength(" ".join([*row, after[0]])) > 119
    assert all(item.x + item.width <= 120 for item in items)


def test_pieces_of_one_line_do_not_overlap() -> None:
    items = placed("some words in a row", 600)
    for left, right in pairwise(items):
        assert left.x + left.width < right.x


def test_punctuation_stays_with_its_word() -> None:
    pieces = [Piece("w" * 9, False, False), Piece(".", False, False)]
    width = plain_font(20).getlength("w" * 9) + 1
    assert lines(laid_out(pieces, width, 20)) == [["w" * 9, "."]]


def test_a_line_break_of_the_text_is_kept() -> None:
    pieces = [Piece("a", False, False), Piece("b", True, True)]
    assert lines(laid_out(pieces, 500, 20)) == [["a"], ["b"]]


def test_a_word_wider_than_the_line_is_cut_with_an_ellipsis() -> None:
    (item,) = placed("w" * 300, 100)
    assert item.piece.text.endswith("…")
    assert item.width <= 100


def test_scripts_from_right_to_left_are_laid_out_so() -> None:
    first, second = placed("שלום עולם", 400)
    assert first.x > second.x
    assert first.x + first.width == pytest.approx(400)
    first, second = placed("1 hello", 400)  # a number has no direction of its own
    assert first.x < second.x


def test_ascii_takes_pillows_own_font() -> None:
    assert font_for("plain words, 1 + 1", 20) is plain_font(20)


@pytest.mark.parametrize("text", ["Ångström", "naïve", "œuvre", "Жук", "Ελλάδα", "Straße"])
def test_european_letters_are_drawn_on_every_machine(text: str) -> None:
    font = font_for(text, 20)
    box = bytes(font.getmask("\uffff"))
    assert all(bytes(font.getmask(character)) != box for character in text)


def test_other_scripts_take_an_installed_font_that_has_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = plain_font(13)
    asked = []

    def missing(name: str, size: int) -> None:
        asked.append(name)
        raise OSError

    monkeypatch.setattr(ImageFont, "truetype", missing)
    assert font_for("ཀཁ", 13) is own  # which draws boxes
    assert "NotoSansTibetan-Regular.ttf" in asked


def test_text_is_spelled_on_one_line_without_controls() -> None:
    assert spelled(" a\n\tb\x1b[31m\u202e ") == "a b[31m"
    assert len(spelled("x" * 10**6)) == 2000
    assert shortened("short", 500, plain_font(20)) == "short"


def test_characters_that_no_font_has_are_known() -> None:
    assert without_glyph("A cat, an owl.\n") == ""
    # No font has the last private use character. It is returned once.
    assert without_glyph("a\U0010fffdb\U0010fffd") == "\U0010fffd"


@pytest.mark.parametrize(("name", "said"), [("a.png", True), ("a.pdf", True), ("a.svg", False)])
def test_an_export_with_boxes_says_so_in_one_line(
    name: str, said: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    made = explanation(reply=("A", " \U0010fffd", " cat"))
    with noting_boxes(made, Path(name)):
        warnings.warn("Glyph 1114109 missing from font(s) DejaVu Sans.", UserWarning, stacklevel=1)
    told = capsys.readouterr().err
    assert told.startswith("note: this machine has no font for \U0010fffd, drawn as boxes") is said
    assert told.count("\n") == said
