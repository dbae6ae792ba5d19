import gc
import weakref
from functools import partial

import numpy as np
import pytest

from tam.explanation.map_cache import MapCache
from tests.hand_made import explanation


class Owner:
    """A stand-in for an explanation."""


Numbers = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


def numbers(value: float) -> Numbers:
    return np.full((10, 10), value, np.float32)  # 400 bytes


def test_a_map_is_made_once_for_each_owner_and_key() -> None:
    cache, one, other, made = MapCache(10_000), Owner(), Owner(), []
    for owner in (one, other, one, other):
        for key in (0, 1):
            cache.get(owner, key, lambda: numbers(made.append(0) or len(made)))
    assert len(made) == 4
    assert cache.bytes == 1600


def test_the_budget_holds_and_what_was_asked_for_last_stays() -> None:
    cache, owner = MapCache(1200), Owner()
    for key in (0, 1, 2, 0, 3):
        cache.get(owner, key, lambda: numbers(1))
        assert cache.bytes <= 1200
    made: list[int] = []

    def remade(key: int) -> Numbers:
        made.append(key)
        return numbers(1)

    for key in (0, 2, 3, 1):
        cache.get(owner, key, partial(remade, key))
    assert made == [1]


def test_a_map_above_the_budget_is_given_and_not_kept() -> None:
    cache, owner = MapCache(399), Owner()
    np.testing.assert_array_equal(cache.get(owner, 0, lambda: numbers(3)), numbers(3))
    assert cache.bytes == 0


def test_maps_go_with_their_owner_and_do_not_hold_it() -> None:
    cache, owner = MapCache(), Owner()
    held = weakref.ref(owner)
    cache.get(owner, 0, lambda: numbers(1))
    cache.get(owner, 1, lambda: numbers(1))
    del owner
    gc.collect()
    assert held() is None
    assert cache.bytes == 0


def test_a_words_map_is_kept_and_is_read_only() -> None:
    word = explanation().words[1]
    heat = word.map()
    assert word.map() is heat
    with pytest.raises(ValueError, match="read-only"):
        heat[0, 0] = 1
    np.testing.assert_array_equal(heat, word.explanation.picture_map(word.cells()))
