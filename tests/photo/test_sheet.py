import numpy as np

from tam.photo.held_out import held_out
from tam.photo.sheet import COLUMNS, SHAREABLE, SIDE, Tile, fitted, naming_word, sheet
from tests.hand_made import explanation


def test_the_word_that_names_the_object_is_drawn() -> None:
    made = explanation(reply=("A", " grey", " dog", " on", " a", " bench", "."))
    for accepted, text in ((("dog",), "dog"), (("grey dog",), "dog"), (("cat",), "bench")):
        word = naming_word(made, accepted)
        assert word is not None
        assert word.text == text
    assert naming_word(explanation(reply=("It", " is", ".")), ("cat",)) is None


def test_a_sheet_has_a_tile_for_each_photograph() -> None:
    made = explanation()
    photograph = made.media[0].frames[0]
    named = Tile("dog", photograph, made, naming_word(made, ("bench",)), "dog", True)
    missed = Tile("cat", photograph, made, None, "猫", False)
    drawn = sheet([named, missed] * COLUMNS)
    height, width = drawn.shape[:2]
    tile = drawn[: height // 2, : width // COLUMNS].astype(int)
    other = drawn[: height // 2, width // COLUMNS : 2 * width // COLUMNS].astype(int)
    assert np.abs(tile - other).max() > 50
    assert np.array_equal(drawn[: height // 2], drawn[height // 2 :])


def test_photographs_keep_their_shape() -> None:
    assert fitted(np.zeros((100, 400, 3), np.uint8)).shape == (round(SIDE / 4), SIDE, 3)


def test_some_held_out_photographs_may_be_shown_to_all() -> None:
    assert {item.noun for item in held_out() if item.package in SHAREABLE} == {
        "cat",
        "cup",
        "rocket",
        "astronaut",
    }
