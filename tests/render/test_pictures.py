import numpy as np
import pytest
from numpy.typing import NDArray

from tam.errors import InputError
from tam.render import OPACITY, OPACITY_EXPONENT, overlay, word_image
from tam.render.colors import COLOR_ANCHORS, color
from tam.render.resize import resized
from tests.hand_made import explanation, grid, picture, several


def ramp(height: int, width: int) -> NDArray[np.float32]:
    return np.linspace(0, 1, height * width, dtype=np.float32).reshape(height, width)


@pytest.mark.parametrize("name", COLOR_ANCHORS)
def test_colors_begin_and_end_at_their_anchors(name: str) -> None:
    first, last = color(np.array([0, 1], np.float32), name)
    assert bytes(first.astype(np.uint8)).hex() == COLOR_ANCHORS[name][0]
    assert bytes(last.astype(np.uint8)).hex() == COLOR_ANCHORS[name][-1]


@pytest.mark.parametrize("name", ["inferno", "viridis"])
def test_perceptual_colors_grow_lighter_all_the_way(name: str) -> None:
    lightness = color(np.linspace(0, 1, 64, dtype=np.float32), name) @ [0.2126, 0.7152, 0.0722]
    assert np.all(np.diff(lightness) > 0)


def test_jet_has_its_known_colors() -> None:
    values = np.array([0.125, 0.375, 0.5, 0.875], np.float32)
    known = [[0, 0, 255], [0, 255, 255], [128, 255, 128], [255, 0, 0]]
    np.testing.assert_allclose(color(values, "jet"), known, atol=1)


def test_an_unknown_color_map_names_the_known_ones() -> None:
    with pytest.raises(InputError, match="inferno, viridis"):
        overlay(picture().frames[0], ramp(48, 64), colors="rainbow")


def test_the_overlay_is_nothing_at_zero_and_strongest_at_one() -> None:
    pixels = picture().frames[0]
    heat = ramp(48, 64)
    result = overlay(pixels, heat)
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result[0, 0], pixels[0, 0])
    alpha = OPACITY * heat[..., None] ** OPACITY_EXPONENT
    np.testing.assert_allclose(result, pixels * (1 - alpha) + color(heat) * alpha, atol=0.51)
    np.testing.assert_array_equal(overlay(pixels, heat, opacity=0), pixels)


def test_values_outside_the_scale_take_its_ends() -> None:
    pixels = picture().frames[0]
    high = overlay(pixels, np.full((48, 64), 3, np.float32))
    np.testing.assert_array_equal(high, overlay(pixels, np.ones((48, 64), np.float32)))
    low = overlay(pixels, np.full((48, 64), -1, np.float32))
    np.testing.assert_array_equal(low, pixels)


def test_what_is_not_covered_is_hatched() -> None:
    pixels = picture().frames[0]
    covered = np.zeros((48, 64), bool)
    covered[:, 16:48] = True
    result = overlay(pixels, np.zeros((48, 64), np.float32), covered=covered)
    np.testing.assert_array_equal(result[:, 16:48], pixels[:, 16:48])
    outside = result[~covered].astype(float) - pixels[~covered] * 0.4
    assert {60.0, 130.0} == set(np.rint(outside / 10).ravel() * 10)  # two tones: ground and line


def test_sizes_must_agree() -> None:
    with pytest.raises(InputError, match=r"\[64, 48\] over a picture of \[48, 64, 3\]"):
        overlay(picture().frames[0], ramp(64, 48))


def test_a_word_without_caption_is_the_overlay_of_its_map() -> None:
    result = explanation()
    word = result.words[2]
    np.testing.assert_array_equal(
        word_image(word, caption=False), overlay(result.media[0].frames[0], word.map(0))
    )


def test_pictures_stand_side_by_side() -> None:
    result = several()
    word = result.words[1]
    sheet = word_image(word, caption=False)
    widths = [item.width for item in result.media]
    assert sheet.shape == (60, sum(widths) + 16, 3)
    second = sheet[:60, widths[0] + 8 : widths[0] + 8 + widths[1]]
    np.testing.assert_array_equal(second, word_image(word, 1, caption=False))


def test_a_clip_shows_its_strongest_frame() -> None:
    result = several()
    result.maps[::2, -20:] /= 2  # the second half of the clip for every other token
    for word in result.words[:2]:
        heights = [word.map(2, frame).max() for frame in range(4)]
        best = int(np.argmax(heights))
        expected = word_image(word, 2, best, caption=False)
        np.testing.assert_array_equal(word_image(word, 2, caption=False), expected)


@pytest.mark.parametrize(
    "text", ["猫", "👩‍👩‍👧", "שלום", "a\x00\x1b[31m", "\ud83d", "w" * 4000, "", "नमस्ते"]
)
def test_captions_take_any_text(text: str) -> None:
    result = explanation([picture(30, 500)], reply=(text + ".",))
    sheet = word_image(result.words[0])
    assert sheet.shape[1] == 500
    strip = sheet[30:]
    assert strip.shape[0] > 30
    assert np.ptp(strip[:, :250].astype(int)) > 100  # something is written there


def test_the_caption_is_readable_below_a_tiny_picture() -> None:
    result = explanation([picture(9, 7)], [grid(0, (1, 1, 1), (0.0, 0.0, 7.0, 9.0))])
    assert word_image(result.words[0]).shape[1] == 320


def test_a_resized_explanation_keeps_its_maps_in_place() -> None:
    original = several()
    small = resized(original, largest=20)
    large = resized(original, largest=500, smallest=240)
    assert max(max(item.width, item.height) for item in small.media) == 20
    assert [max(item.width, item.height) for item in large.media] == [240, 240, 240]
    for media in range(3):
        before = original.words[0].map(media)
        after = large.words[0].map(media)
        height, width = before.shape
        rows = ((np.arange(height) + 0.5) * after.shape[0] / height).astype(int)
        columns = ((np.arange(width) + 0.5) * after.shape[1] / width).astype(int)
        np.testing.assert_allclose(after[np.ix_(rows, columns)], before, atol=0.09)
    assert large.grids[1].seams == ((80.0,), (60.0, 120.0, 180.0))
    assert resized(original, largest=100).media[0] is original.media[0]
