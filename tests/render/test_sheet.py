from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tam.errors import InputError
from tam.render import word_image
from tam.render.caption import PAPER, letter_size, text_strip
from tam.render.resize import resized
from tam.render.sheet import contact_sheet
from tests.hand_made import explanation, grid, picture, several

MARK = (255, 214, 122)


def holds(sheet: NDArray[np.uint8], part: NDArray[np.uint8]) -> bool:
    """Whether a picture lies somewhere on a sheet, pixel for pixel."""
    height, width = part.shape[:2]
    corners = np.argwhere((sheet == part[0, 0]).all(axis=2))
    return any(
        np.array_equal(sheet[y : y + height, x : x + width], part) for y, x in corners.tolist()
    )


def marked_columns(strip: NDArray[np.uint8]) -> int:
    return int((strip == MARK).all(axis=2).any(axis=0).sum())


def test_every_chosen_word_is_on_the_sheet() -> None:
    result = explanation()
    sheet = contact_sheet(result, [1, "bench"], cell=160)
    small = resized(result, largest=160, smallest=160)
    for index in range(7):
        drawn = word_image(small.words[index], caption=False)
        assert holds(sheet, drawn) == (index in (1, 5))


def test_the_columns_and_the_number_of_words_make_the_size() -> None:
    result = explanation()
    one = contact_sheet(result, [0], cell=160)
    row = contact_sheet(result, [0, 1, 2], columns=3, cell=160)
    column = contact_sheet(result, [0, 1, 2], columns=1, cell=160)
    assert row.shape[1] == one.shape[1] + 2 * (160 + 12)
    assert column.shape[1] == one.shape[1]
    assert column.shape[0] > row.shape[0]


def test_a_sheet_of_all_words_is_about_as_wide_as_high() -> None:
    result = explanation(reply=[f" w{i}" for i in range(30)])
    height, width = contact_sheet(result, cell=120).shape[:2]
    assert 0.5 < width / height < 2


def test_several_pictures_stand_beside_each_other_and_one_can_be_chosen() -> None:
    result = several()
    together = contact_sheet(result, [2], cell=100)
    alone = contact_sheet(result, [2], media=1, cell=100)
    assert together.shape[1] > alone.shape[1]
    drawn = word_image(resized(result, largest=100, smallest=100).words[2], 1, caption=False)
    assert holds(together, drawn)
    assert holds(alone, drawn)


def test_chosen_words_are_marked_in_the_running_text() -> None:
    result = explanation()
    strip = text_strip(result, set(result.words[2].targets), 900)
    assert marked_columns(strip) > 5 * letter_size(900) / 2
    assert marked_columns(text_strip(result, (), 900)) == 0
    # A mark on all of them would tell nothing.
    assert not (contact_sheet(result, cell=64) == MARK).all(axis=2).any()
    assert (contact_sheet(result, [0], cell=64) == MARK).all(axis=2).any()


def test_the_marked_line_is_shown_where_not_all_fit() -> None:
    result = explanation(reply=[f" word{i}" for i in range(80)])
    for index in (0, 40, 79):
        strip = text_strip(result, set(result.words[index].targets), 320, 2)
        assert len(strip) < 5 * letter_size(320)
        assert marked_columns(strip) > 0


@pytest.mark.parametrize("options", [{"cell": 0}, {"columns": 0}, {"media": 9}, {"colors": "x"}])
def test_what_cannot_be_drawn_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        contact_sheet(explanation(), **options)


def test_tiny_pictures_and_any_language_fit() -> None:
    reply = ("猫が", "שלום", "👩‍👩‍👧", "नमस्ते", "w" * 400)
    tiny = explanation([picture(3, 2)], [grid(0, (1, 1, 1), (0.0, 0.0, 2.0, 3.0))], reply=reply)
    sheet = contact_sheet(tiny, cell=8)
    assert sheet.dtype == np.uint8
    assert tuple(sheet[-1, 0]) == PAPER


def test_many_pictures_are_smaller_so_that_the_sheet_can_be_opened() -> None:
    few = explanation()
    assert contact_sheet(few).shape == contact_sheet(few, cell=320).shape
    # 600 words: as a sheet of full cells it would have 60 million pixels and more.
    many = contact_sheet(few, [*range(6)] * 100)
    assert many.shape[0] * many.shape[1] < 36_000_000
