import numpy as np
import pytest

from tam.errors import NumericsError
from tam.geometry.layout import VisionGrid, VisionLayout


def grid(first: int, shape: tuple[int, int, int] = (1, 2, 3), media: int = 0) -> VisionGrid:
    t, h, w = shape
    return VisionGrid(
        media=media,
        turn=0,
        view="whole",
        shape=shape,
        box=(0, 0, 10 * w, 10 * h),
        positions=np.arange(first, first + t * h * w),
        spans=np.stack([np.arange(t), np.arange(t) + 1], axis=1),
    )


def test_boxes_divide_the_view() -> None:
    boxes = grid(0).boxes
    assert boxes[0].tolist() == [0, 0, 10, 10]
    assert boxes[4].tolist() == [10, 10, 20, 20]
    assert boxes[5].tolist() == [20, 10, 30, 20]


def test_a_shape_counted_with_numpy_is_one_of_plain_numbers() -> None:
    counted = grid(0, (1, np.int64(2), np.int64(3)))
    assert [type(side) for side in counted.shape] == [int, int, int]


def test_layout_joins_its_grids_in_order() -> None:
    layout = VisionLayout((grid(4), grid(20, (2, 1, 2))), np.array([10]))
    assert layout.positions.tolist() == [4, 5, 6, 7, 8, 9, 20, 21, 22, 23]
    assert layout.filter_grids == ((2, 3), (1, 2), (1, 2))


def test_a_token_has_one_place() -> None:
    with pytest.raises(NumericsError, match="two cells"):
        VisionLayout((grid(0), grid(5)), np.zeros(0, np.int64))
    with pytest.raises(NumericsError, match="two cells"):
        VisionLayout((grid(0),), np.array([3]))


def test_a_grid_has_a_position_for_each_cell() -> None:
    with pytest.raises(NumericsError, match="grid with 5 positions"):
        VisionGrid(0, 0, "whole", (1, 2, 3), (0, 0, 1, 1), np.arange(5), np.array([[0, 1]]))
