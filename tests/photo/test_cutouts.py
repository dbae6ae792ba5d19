import numpy as np
import pytest

from tam.photo.cutouts import Cutout, Placed, fitted, paste, trimmed


def square(noun: str, colour: tuple[int, int, int], alpha: int = 255, side: int = 4) -> Cutout:
    return Cutout(noun, np.full((side, side, 4), (*colour, alpha), np.uint8))


GREY = np.full((8, 10, 3), 100, np.uint8)


def test_the_nearer_hides_the_farther() -> None:
    red, blue = square("red", (255, 0, 0)), square("blue", (0, 0, 255))
    picture, (far, near) = paste(GREY, [Placed(red, (0, 0, 4, 4)), Placed(blue, (2, 2, 6, 6))])
    assert (picture[far] == (255, 0, 0)).all()
    assert (picture[near] == (0, 0, 255)).all()
    assert (picture[~far & ~near] == 100).all()
    assert far.sum() == 16 - 4
    assert near.sum() == 16


def test_what_is_half_transparent_is_mixed() -> None:
    picture, (mask,) = paste(GREY, [Placed(square("red", (255, 0, 0), 51), (0, 0, 4, 4))])
    assert tuple(picture[0, 0]) == (131, 80, 80)  # 100 + 0.2 * (255 - 100), 100 - 0.2 * 100
    assert not mask.any()


def test_what_lies_outside_is_left_off() -> None:
    picture, (mask,) = paste(GREY, [Placed(square("red", (255, 0, 0)), (-2, 6, 2, 10))])
    assert mask.sum() == 4
    assert (picture[6:, :2] == (255, 0, 0)).all()


def test_a_flipped_cut_out_is_mirrored() -> None:
    pixels = np.zeros((4, 4, 4), np.uint8)
    pixels[:, 0] = 255
    _, (mask,) = paste(GREY, [Placed(Cutout("bar", pixels), (0, 0, 4, 4), flipped=True)])
    assert mask[:4].any(axis=0).tolist() == [False, False, False, True] + 6 * [False]


def test_transparent_colours_do_not_bleed_when_scaled() -> None:
    pixels = np.full((4, 4, 4), (0, 255, 0, 0), np.uint8)
    pixels[1:3, 1:3] = (255, 0, 0, 255)
    picture, _ = paste(GREY, [Placed(Cutout("dot", pixels), (0, 0, 8, 8))])
    assert picture[..., 1].max() <= 100


def test_trimmed_and_fitted_keep_the_shape() -> None:
    pixels = np.zeros((10, 20, 4), np.uint8)
    pixels[2:4, 5:13] = 255
    cut = Cutout("bar", trimmed(pixels))
    assert cut.pixels.shape == (2, 8, 4)
    assert fitted(cut, (50, 50), 40) == (30, 45, 70, 55)


def test_a_picture_without_alpha_is_no_cut_out() -> None:
    with pytest.raises(ValueError, match=r"\[H, W, 4\]"):
        Cutout("x", np.zeros((2, 2, 3), np.uint8))
