"""Printable text: slugs, percentages, decimals, and control sequences for terminals."""

import numpy as np

from tam.text.printable import decimal, on_one_line, percent, printable
from tam.text.slug import slug


def test_slugs_are_safe_file_names() -> None:
    texts = ["../x", "", "...", "CON", "a b", "é", "ﬁ", "\x00", "猫", "a" * 99, "a/b\\c:d"]
    made = [slug(text) for text in texts]
    expected = ["x", "word", "word", "con", "a-b", "e", "fi", "word", "word", "a" * 40, "a-b-c-d"]
    assert made == expected


def test_percentages() -> None:
    numbers = (1.0, 0.5, 0.0005, 0.0004, 0.0, None)
    assert [percent(number) for number in numbers] == [
        "100.0%",
        "50.0%",
        "0.1%",
        "<0.1%",
        "0.0%",
        "–",
    ]


def test_printable_text() -> None:
    assert printable("a\x1b[2J\u202eb\u200d\n") == "a[2Jb\u200d\n"
    assert on_one_line(" a\tb\n") == "␣a⇥b↵"
    np.testing.assert_equal(printable("\udcff"), "\ufffd")


def test_a_value_that_is_not_known_is_said() -> None:
    assert [decimal(value) for value in (0.0, 0.873, None)] == ["0.00", "0.87", "not known"]
