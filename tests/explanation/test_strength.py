import numpy as np
import pytest

from tam.explanation.evidence import evidence, peak, strongest_earlier
from tam.text.printable import on_one_line, percent, printable
from tam.text.slug import slug
from tests.hand_made import explanation, grid, picture, several


def test_evidence_is_the_map_against_the_strongest_earlier_token() -> None:
    result = explanation()
    word = result.words[2]
    weighed = evidence(word)
    assert weighed.visual == word.cells().max()
    assert weighed.textual == result.relevance[6:9, :6].max()
    assert weighed.share == weighed.visual / (weighed.visual + weighed.textual)
    first = result.prompt_words[0]
    assert evidence(first).textual == 0


def test_the_peak_is_the_highest_pixel_of_a_single_view() -> None:
    media = picture(90, 160)
    result = explanation([media], [grid(0, (1, 5, 7), (-20.0, 4.0, 150.0, 86.0))])
    result.maps[:, ::7] = 0  # the first column lies off the picture
    for word in result.words:
        highest = peak(word)
        assert highest is not None
        heat = word.map(0)
        assert heat[highest.y, highest.x] == pytest.approx(highest.value, abs=1e-6)
        assert highest.value == pytest.approx(heat.max(), abs=0.05)


def test_the_peak_of_overlapping_views_lies_on_the_map() -> None:
    result = several()
    for word in result.words:
        highest = peak(word)
        assert highest is not None
        heat = word.map(highest.media, highest.frame)
        assert heat[highest.y, highest.x] == pytest.approx(highest.value, abs=1e-6)
        only = peak(word, 1)
        assert only is not None
        assert only.media == 1
        assert only.value <= highest.value


def test_a_zero_map_has_no_peak() -> None:
    result = explanation()
    result.maps[:] = 0
    assert peak(result.words[0]) is None


def test_earlier_words_are_ranked() -> None:
    result = explanation()
    ranked = strongest_earlier(result.words[2])
    assert len(ranked) == 6
    assert all(value == result.words[2].relevance(other) for other, value in ranked)
    assert [value for _, value in ranked] == sorted((v for _, v in ranked), reverse=True)
    assert strongest_earlier(result.prompt_words[0]) == []


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
