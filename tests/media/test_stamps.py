"""When frames are shown, from stamps of every kind."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tam.media.stamps import frame_times

UNIT, RATE = 0.001, 25.0


def times_of(stamps: list[int | None], *, joins: bool = False) -> tuple[list[float], str]:
    times, notes = frame_times(stamps, UNIT, RATE, joins=joins)
    return times.round(6).tolist(), "; ".join(notes)


def test_rising_stamps_are_followed_from_the_first() -> None:
    assert times_of([500, 540, 900, 910]) == ([0, 0.04, 0.4, 0.41], "")
    assert times_of([7]) == ([0], "")


@pytest.mark.parametrize(
    ("stamps", "note"),
    [
        ([None] * 4, "no time stamps; the times follow from 25 frames a second"),
        ([None, 5, None, None], "few time stamps"),
        ([0, 0, 0, 0], "unusable"),
        ([40, 0, 40, 0], "contradict each other"),
    ],
)
def test_stamps_that_say_nothing_give_way_to_the_rate(stamps: list[int | None], note: str) -> None:
    times, told = times_of(stamps)
    assert times == [0, 0.04, 0.08, 0.12]
    assert note in told


def test_numbers_of_frames_in_a_unit_that_is_not_theirs_are_no_times() -> None:
    times, notes = frame_times(range(5), 1 / 1_200_000, RATE)
    assert times.tolist() == [0, 0.04, 0.08, 0.12, 0.16]
    assert notes == ("the time stamps are unusable; the times follow from 25 frames a second",)


def test_stamps_in_decoding_order_belong_to_the_frames_in_order() -> None:
    times, note = times_of([40 * stamp for stamp in (1, 4, 3, 5, 2, 8, 7, 9, 6)])
    assert times == [0.04 * number for number in range(9)]
    assert "out of order" in note


def test_a_second_recording_runs_on_behind_the_first() -> None:
    first = [40 * number for number in range(30)]
    for second in (first, [stamp - 5000 for stamp in first]):
        times, note = times_of([*first, *second])
        assert np.allclose(times, np.arange(60) * 0.04)
        assert note == "the time stamps start again 1 time; the times run on"
    times, note = times_of([*first, *(stamp + 90_000 for stamp in first)])
    assert times[30] == 90
    assert not note
    times, note = times_of([*first, *(stamp + 90_000 for stamp in first)], joins=True)
    assert np.allclose(times, np.arange(60) * 0.04)
    assert "start again 1 time" in note


def test_a_single_stamp_that_is_missing_or_wrong_lies_between_its_neighbors() -> None:
    for wrong in (None, 40, 0, 4000):
        times, note = times_of([0, 40, 80, wrong, 160, 200, 240, 280])
        assert times == [0, 0.04, 0.08, 0.12, 0.16, 0.2, 0.24, 0.28]
        assert note == "1 of 8 time stamps are missing or wrong; the times are filled in"
    assert times_of([None, 40, 80, None])[0] == [0, 0.04, 0.08, 0.12]


@given(st.lists(st.none() | st.integers(-(2**40), 2**40), min_size=1, max_size=40), st.booleans())
def test_times_always_rise_from_zero(stamps: list[int | None], joins: bool) -> None:
    times, _ = frame_times(stamps, UNIT, RATE, joins=joins)
    assert len(times) == len(stamps)
    assert times[0] == 0
    assert (np.diff(times) > 0).all()
