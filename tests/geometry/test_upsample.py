import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tam.geometry.upsample import coverage, upsample


@settings(max_examples=40, deadline=None)
@given(
    cells=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    size=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    seed=st.integers(0, 100),
)
def test_over_the_whole_picture_it_is_opencvs_resize(cells: tuple, size: tuple, seed: int) -> None:
    grid = np.random.default_rng(seed).random(cells).astype(np.float32)
    height, width = size
    wanted = cv2.resize(grid, (width, height), interpolation=cv2.INTER_LINEAR)
    assert np.allclose(upsample(grid, (0, 0, width, height), height, width), wanted, atol=1e-4)


def test_outside_the_box_there_is_nothing() -> None:
    grid = np.ones((2, 2), np.float32)
    picture = upsample(grid, (10, 0, 30, 20), 20, 40)
    seen = coverage((10, 0, 30, 20), 20, 40)
    assert np.array_equal(seen, picture > 0)
    assert seen[:, 10:30].all()
    assert seen.sum() == 20 * 20


def test_a_box_beyond_the_picture_is_cut() -> None:
    # Padded to a square: of 4 × 4 cells over 40 × 40 pixels the picture is the middle half.
    grid = np.arange(16, dtype=np.float32).reshape(4, 4)
    picture = upsample(grid, (0, -10, 40, 30), 20, 40)
    whole = upsample(grid, (0, 0, 40, 40), 40, 40)
    assert np.allclose(picture, whole[10:30])


@pytest.mark.parametrize("size", [(1, 1), (3, 500)])
def test_one_cell_is_flat(size: tuple) -> None:
    height, width = size
    assert (upsample(np.ones((1, 1), np.float32), (0, 0, width, height), height, width) == 1).all()
