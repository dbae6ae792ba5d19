"""Region, contour and steadiness of a clip's masks: by hand, and against distances of contours."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from tam.evaluate.clip_masks import NAMES, clip_figures, contour, contour_f

H, W = 40, 60


def square(x: int, y: int, side: int = 12) -> NDArray[np.bool_]:
    mask = np.zeros((H, W), bool)
    mask[y : y + side, x : x + side] = True
    return mask


def by_distance(found: NDArray[np.bool_], shown: NDArray[np.bool_]) -> float:
    """F by the exact distance from each contour to the other."""
    reach = np.ceil(0.008 * np.hypot(*found.shape))
    lines = contour(found), contour(shown)
    shares = [
        (distance_transform_edt(~other)[line] <= reach).mean()
        for line, other in (lines, lines[::-1])
    ]
    return float(2 * shares[0] * shares[1] / sum(shares)) if sum(shares) else 0.0


@given(st.integers(0, 40), st.integers(0, 25), st.integers(2, 15), st.integers(0, 40))
@settings(deadline=None, max_examples=60)
def test_contours_match_within_a_distance(x: int, y: int, side: int, other: int) -> None:
    found, shown = square(x, y, side), square(other, 5)
    assert contour_f(found, shown) == pytest.approx(by_distance(found, shown))
    assert contour_f(found, shown) == pytest.approx(contour_f(shown, found))


def test_contours_of_empty_masks() -> None:
    empty = np.zeros((H, W), bool)
    assert contour_f(empty, empty) == 1.0
    assert contour_f(empty, square(3, 3)) == contour_f(square(3, 3), empty) == 0.0
    assert contour_f(square(3, 3), square(3, 3)) == 1.0
    assert contour_f(square(3, 3), square(40, 20)) == 0.0


def test_a_map_of_the_object_itself_is_perfect() -> None:
    mask = np.concatenate([square(5 + 6 * frame, 10) for frame in range(5)])
    figures = clip_figures(mask.astype(np.float32), mask, 5)
    assert set(figures) == set(NAMES)
    assert set(figures.values()) == {1.0}


def test_figures_by_hand() -> None:
    # The object moves by half its width; the map's mask stays, so it is right in one inner frame.
    shown = [square(12, 10), square(12, 10), square(18, 10), square(18, 10)]
    found = [square(12, 10)] * 4
    figures = clip_figures(np.concatenate(found).astype(np.float32), np.concatenate(shown), 4)
    moved = contour_f(found[2], shown[2])
    assert figures["clip_region"] == pytest.approx((1 + 1 / 3) / 2)
    assert figures["clip_contour"] == pytest.approx((1 + moved) / 2)
    assert figures["clip_both"] == pytest.approx((2 + 1 / 3 + moved) / 4)
    assert figures["clip_steady"] == 1.0  # as steady as the object, or steadier


def test_a_flickering_mask_is_not_steady() -> None:
    shown = np.concatenate([square(12, 10)] * 4)
    found = np.concatenate([square(12 * (1 + frame % 2), 10) for frame in range(4)])
    assert clip_figures(found.astype(np.float32), shown, 4)["clip_steady"] == 0.0


def test_frames_without_the_object_do_not_count() -> None:
    empty = np.zeros((H, W), bool)
    shown = np.concatenate([empty, square(12, 10), empty])
    figures = clip_figures(shown.astype(np.float32), shown, 3)
    assert figures["clip_both"] == 1.0
    assert figures["clip_steady"] is None
    nowhere = clip_figures(shown.astype(np.float32), np.zeros_like(shown), 3)
    assert set(nowhere.values()) == {None}
    only_first = np.concatenate([square(12, 10), empty, empty])
    assert clip_figures(only_first.astype(np.float32), only_first, 3)["clip_region"] == 1.0


def test_one_pixel_is_within_the_tolerance_and_three_are_not() -> None:
    found, shown = square(10, 10), square(11, 10)
    assert contour_f(found, shown) == 1.0
    assert contour_f(square(13, 10), shown) < 1.0
