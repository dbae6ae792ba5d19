"""The region that a map marks, and where its controls may lie."""

from dataclasses import replace

import numpy as np
import pytest

from tam.check.regions import elsewhere, marked
from tests.hand_made import clip, explanation, grid

SEEN = np.ones((6, 8), bool)


def region(*pixels: tuple[int, int]) -> np.ndarray:
    mask = np.zeros((1, 6, 8), bool)
    for y, x in pixels:
        mask[0, y, x] = True
    return mask


def test_controls_are_every_other_place_where_the_whole_shape_fits() -> None:
    corner = region((0, 0), (0, 1), (1, 0))
    found = elsewhere(corner, SEEN, 1000, seed=0)
    # 5 × 7 places; at (0, 0), (0, 1) and (1, 0) they share a pixel with the region.
    assert len(found) == 5 * 7 - 3
    assert len({mask.tobytes() for mask in found}) == len(found)
    for mask in found:
        assert mask.sum() == 3
        assert not (mask & corner).any()
        _, y, x = np.argwhere(mask)[0]
        assert np.array_equal(np.roll(corner, (y, x), (1, 2)), mask)


def test_controls_stay_where_the_model_sees() -> None:
    seen = np.zeros((6, 8), bool)
    seen[2:5, 1:6] = True
    found = elsewhere(region((3, 3)), seen, 1000, seed=0)
    assert len(found) == 3 * 5 - 1
    assert all(seen[mask[0]].all() for mask in found)


def test_a_seed_chooses_the_places() -> None:
    first, again, other = (elsewhere(region((3, 3)), SEEN, 8, seed) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_no_place_is_found_for_what_fills_the_picture() -> None:
    assert elsewhere(np.ones((1, 6, 8), bool), SEEN, 8, 0) == []
    stripes = np.zeros((1, 6, 8), bool)
    stripes[:, :, :5] = True
    assert elsewhere(stripes, SEEN, 8, 0) == []


def test_all_frames_of_a_clip_move_together() -> None:
    moving = np.zeros((2, 6, 8), bool)
    moving[0, 0, 0] = moving[1, 0, 2] = True
    for mask in elsewhere(moving, SEEN, 1000, 0):
        (_, y0, x0), (_, y1, x1) = np.argwhere(mask)
        assert (y0, x0 + 2) == (y1, x1)


def test_the_region_is_the_words_own_mask_in_every_frame() -> None:
    shown = clip(4)
    grids = [grid(0, (2, 5, 7), (0.0, 0.0, 56.0, 40.0), spans=((0, 2), (2, 4)))]
    word = explanation([shown], grids).words[1]
    found = marked(word)
    assert found is not None
    assert found.mask.shape == (4, 40, 56)
    for frame in range(4):
        assert np.array_equal(found.mask[frame], word.mask(0, frame))


def test_a_threshold_is_a_share_of_the_maps_maximum() -> None:
    word = explanation([clip(1)], [grid(0, (1, 5, 7), (0.0, 0.0, 56.0, 40.0))]).words[1]
    heat, found = word.map(), marked(word, 0.6)
    assert found is not None
    assert np.array_equal(found.mask[0], heat >= 0.6 * heat.max())


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_a_map_that_marks_nothing_has_no_region(value: float) -> None:
    result = explanation()
    flat = replace(result, maps=np.full_like(result.maps, value))
    assert marked(flat.words[1]) is None
