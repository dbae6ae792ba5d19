"""Localization heads: which heads are chosen, by hand."""

import numpy as np
import pytest
import torch

from tam.geometry.layout import VisionGrid
from tam.methods import explain
from tam.methods.localization_heads import elbow, entropy, sinks, smoothed, voted
from tam.replay import Replay
from tests.hand_made import grid


@pytest.fixture
def square() -> list[VisionGrid]:
    return [grid(0, (1, 4, 4), (0.0, 0.0, 4.0, 4.0))]


def test_entropy_is_that_of_the_masses_of_connected_parts(square: list[VisionGrid]) -> None:
    one = np.zeros((4, 4), np.float32)
    one[0, 0] = one[1, 1] = 1  # they touch at a corner
    assert entropy(one.ravel(), square) == pytest.approx(0)
    two = np.zeros((4, 4), np.float32)
    two[0, 0], two[3, 3] = 3, 1
    assert entropy(two.ravel(), square) == pytest.approx(
        -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    )
    assert entropy(np.ones(16, np.float32), square) == float("inf")


def test_the_elbow_is_where_the_curve_begins_to_rise() -> None:
    assert elbow(np.array([0.0, 10.0, 0.1, 0.2, 5.0], np.float32)) == pytest.approx(0.2)


def test_heads_that_look_at_one_place_get_the_votes(square: list[VisionGrid]) -> None:
    rows = np.full((4, 16), 0.001, np.float32)
    rows[1, [0, 5, 10, 15]] = rows[1, [2, 8]] = 0.1  # looks in several places
    rows[2, [5, 6]] = 0.3  # looks at one
    rows[3, 5] = 0.02  # hardly looks
    assert list(voted([rows], square)[:1]) == [2]


def test_a_gaussian_stays_in_its_grid() -> None:
    grids = [grid(0, (1, 2, 2), (0.0, 0.0, 4.0, 4.0)), grid(0, (1, 1, 3), (0.0, 0.0, 4.0, 4.0))]
    found = smoothed(np.array([[1, 1, 1, 1, 0, 0, 0]], np.float32), grids)
    assert found == pytest.approx([1, 1, 1, 1, 0, 0, 0])


def test_a_massive_coordinate_makes_a_sink() -> None:
    states = torch.ones(3, 1000)
    states[1, 7] = 1000
    assert list(sinks(states, np.array([0, 1]))) == [False, True]


def test_as_many_heads_as_are_asked_for(qwen_picture: Replay) -> None:
    few, more = (
        explain("localization-heads", qwen_picture.trace, qwen_picture, heads=count)
        for count in (1, 2)
    )
    chosen = [found.provenance["method"]["chosen"] for found in (few, more)]
    assert [len(heads) for heads in chosen] == [1, 2]
    assert chosen[0] == chosen[1][:1]
