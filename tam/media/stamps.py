"""The times of a clip's frames, from time stamps that may be missing or wrong.

Frames are identified by their number in the order in which they are shown. Time stamps only give
their times, and only after a check: containers without stamps (raw streams) or with stamps that the
reader invents (AVI), and recordings that were joined or cut are common.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

REORDERING = 16
"""The largest displacement of a stamp in frames: as many as H.264 and HEVC reorder."""

JUMP = 10.0
"""Seconds; a longer gap in a broadcast stream is a join (ffmpeg's dts_delta_threshold)."""

LONGEST = 86_400.0
"""Seconds; a last or first stamp that is farther than a day from the others is wrong."""

SHORTEST = 2e-4
"""The shortest duration of a frame in seconds: 5,000 frames per second."""


def frame_times(
    stamps: Sequence[int | None], unit: float, rate: float, *, joins: bool = False
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return the time of each frame, in seconds from the first one.

    Parameters
    ----------
    stamps
        The time stamp of each frame in the order in which the frames are shown.
    unit
        The unit of the stamps in seconds.
    rate
        The frame rate that the file states, for frames without usable stamps.
    joins
        Whether a gap longer than ``JUMP`` marks the joint of two recordings.

    Returns
    -------
    times, notes
        float64 [T], strictly ascending; and notes on stamps that were not used.

    Examples
    --------
    >>> times, notes = frame_times([0, 40, 80, 0, 40], 0.001, 25.0)
    >>> times.round(2).tolist(), notes
    ([0.0, 0.04, 0.08, 0.12, 0.16], ('the time stamps start again 1 time; the times run on',))
    """
    by_rate = np.arange(len(stamps)) / rate
    known = np.array([number for number, stamp in enumerate(stamps) if stamp is not None], int)
    seconds = np.array([stamp for stamp in stamps if stamp is not None], np.float64) * unit
    if len(stamps) == 1:
        return by_rate, ()
    if 2 * len(known) < len(stamps):
        few = "few" if len(known) else "no"
        return by_rate, (f"{few} time stamps; {_by_rate(rate)}",)
    if too_dense(seconds):
        return by_rate, (f"the time stamps are unusable; {_by_rate(rate)}",)
    wrong, alone = _far_ends(seconds), _alone(seconds)
    if 8 * alone.sum() <= len(seconds):
        wrong |= alone
    known, seconds = known[~wrong], seconds[~wrong]
    notes: tuple[str, ...] = ()
    if not ascending(seconds) and _reordered(seconds):
        seconds = np.sort(seconds)
        notes = ("the time stamps are out of order; the frames are in the order they are shown",)
    # Frames without a stamp may lie between two with one, so steps are divided by the numbers.
    gaps, counts = np.diff(seconds), np.diff(known)
    step = float(np.median((gaps / counts)[gaps > 0])) if (gaps > 0).any() else 1 / rate
    breaks = (gaps <= 0) | (joins & (gaps > JUMP))
    if breaks.sum() > len(seconds) // 4:
        return by_rate, (f"the time stamps contradict each other; {_by_rate(rate)}",)
    if breaks.any():
        seconds = np.concatenate([[0.0], np.cumsum(np.where(breaks, step * counts, gaps))])
        often = "1 time" if breaks.sum() == 1 else f"{breaks.sum()} times"
        notes += (f"the time stamps start again {often}; the times run on",)
    if len(known) < len(stamps):
        missing = f"{len(stamps) - len(known)} of {len(stamps)}"
        notes += (f"{missing} time stamps are missing or wrong; the times are filled in",)
    return _filled(known, seconds, step, len(stamps)), notes


def _filled(
    known: NDArray[np.int64], seconds: NDArray[np.float64], step: float, count: int
) -> NDArray[np.float64]:
    """Interpolate the times of all frames from those of some, and extrapolate by a step."""
    numbers = np.arange(count)
    times = np.interp(numbers, known, seconds)
    times += np.minimum(numbers - known[0], 0) * step + np.maximum(numbers - known[-1], 0) * step
    filled: NDArray[np.float64] = times - times[0]
    return filled


def too_dense(seconds: NDArray[np.floating]) -> bool:
    """Whether stamps are frame numbers in a wrong unit."""
    return len(seconds) > 1 and float(np.median(np.abs(np.diff(seconds)))) < SHORTEST


def far_apart(seconds: NDArray[np.floating]) -> bool:
    """Whether some stamps are farther from each other than any recording's."""
    return bool((np.diff(seconds) > LONGEST).any())


def ascending(values: NDArray[np.float64] | NDArray[np.int64]) -> bool:
    """Whether each value is greater than the one before."""
    return bool((np.diff(values) > 0).all())


def _reordered(seconds: NDArray[np.float64]) -> bool:
    """Whether the stamps belong to other frames: in decoding order instead of display order."""
    order = np.argsort(seconds, kind="stable")
    if not ascending(seconds[order]):
        return False
    farthest = np.abs(order - np.arange(len(order))).max()
    # A joint goes back once and far; reordering goes back all along.
    often = (np.diff(seconds) < 0).sum() * (REORDERING + 4) >= len(seconds)
    return bool(farthest <= (REORDERING if often else 4))


def _alone(seconds: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Single stamps that go back while those around them rise: wrong stamps, not joints."""
    alone = np.zeros(len(seconds), bool)
    before, here, after = seconds[:-2], seconds[1:-1], seconds[2:]
    alone[1:-1] = (before < after) & ((here <= before) | (here >= after))
    return alone


def _far_ends(seconds: NDArray[np.float64]) -> NDArray[np.bool_]:
    """A first or last stamp that is farther than a day from its neighbor."""
    far = np.zeros(len(seconds), bool)
    if len(seconds) > 2:
        far[[0, -1]] = np.abs(np.diff(seconds))[[0, -1]] > LONGEST
    return far


def _by_rate(rate: float) -> str:
    return f"the times follow from {rate:g} frames a second"
