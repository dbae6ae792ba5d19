"""Measures of a map against a mask, on cases whose value is known."""

import math

import numpy as np
import pytest

from tam.evaluate.localization import (
    bootstrap_interval,
    center_peak,
    chance,
    energy_in_object,
    iou_at_otsu,
    iou_curve,
    peak_in_object,
)
from tam.geometry.otsu import otsu_threshold

MASK = np.zeros((6, 8), bool)
MASK[1:4, 2:5] = True


def test_a_perfect_map_scores_one():
    heat = MASK.astype(np.float32)
    assert peak_in_object(heat, MASK) == 1
    assert energy_in_object(heat, MASK) == 1
    assert iou_at_otsu(heat, MASK) == 1


def test_a_map_beside_the_object_scores_zero():
    heat = (~MASK).astype(np.float32)
    assert peak_in_object(heat, MASK) == 0
    assert energy_in_object(heat, MASK) == 0
    assert iou_at_otsu(heat, MASK) == 0


def test_an_all_zero_map_is_a_miss():
    heat = np.zeros(MASK.shape, np.float32)
    assert peak_in_object(heat, MASK) == energy_in_object(heat, MASK) == 0
    assert iou_at_otsu(heat, MASK) == 0


def test_a_flat_map_is_worth_chance():
    heat = np.full(MASK.shape, 0.5, np.float32)
    assert peak_in_object(heat, MASK) == pytest.approx(chance(MASK))
    assert energy_in_object(heat, MASK) == pytest.approx(chance(MASK))
    assert chance(MASK) == 9 / 48


def test_energy_is_a_share():
    heat = np.zeros(MASK.shape, np.float32)
    heat[1, 2], heat[0, 0] = 3, 1
    assert energy_in_object(heat, MASK) == pytest.approx(0.75)
    assert peak_in_object(heat, MASK) == 1


def test_otsu_parts_two_levels_between_them():
    grey = np.array([[10] * 5 + [200] * 3], np.uint8)
    assert 10 <= otsu_threshold(grey) < 200
    assert otsu_threshold(np.full((2, 2), 7, np.uint8)) == 255


def test_otsu_is_the_split_of_least_variance_within():
    grey = np.random.default_rng(0).integers(0, 256, (20, 20)).astype(np.uint8)
    grey[:10] //= 3

    def within(level):
        parts = (grey[grey <= level], grey[grey > level])
        return sum(part.size * part.var() for part in parts if part.size)

    best = min(within(level) for level in range(255))
    assert within(otsu_threshold(grey)) == pytest.approx(best)


def test_the_centre_is_a_control():
    assert center_peak(MASK) == 1
    assert center_peak(~MASK) == 0


def test_bootstrap_interval_holds_the_mean_and_narrows_with_data():
    rng = np.random.default_rng(0)
    few, many = rng.random(20), rng.random(2000)
    low, high = bootstrap_interval(few)
    assert low < few.mean() < high
    low_many, high_many = bootstrap_interval(many)
    assert high_many - low_many < (high - low) / 3
    assert bootstrap_interval(few) == (low, high)


def test_bootstrap_draws_whole_groups():
    """Twenty copies of each value are no more evidence than the values alone."""
    values = np.random.default_rng(0).random(10)
    alone = bootstrap_interval(values)
    copied = bootstrap_interval(np.repeat(values, 20), np.repeat(np.arange(10), 20))
    assert copied == pytest.approx(alone)


def test_no_values_have_no_interval():
    assert all(map(math.isnan, bootstrap_interval([])))


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="same"):
        peak_in_object(np.zeros((2, 2)), MASK)


def test_the_iou_curve_cuts_the_map_at_shares_of_its_range():
    heat = np.array([[0.0, 2.0], [4.0, 10.0]], np.float32)
    mask = np.array([[False, False], [True, True]])
    levels = (0.1, 0.3, 0.5)
    assert iou_curve(heat, mask, levels).tolist() == pytest.approx([2 / 3, 1, 1 / 2])
    assert iou_curve(heat * 7 + 3, mask, levels).tolist() == pytest.approx([2 / 3, 1, 1 / 2])
    assert not iou_curve(np.ones((2, 2), np.float32), mask).any()
