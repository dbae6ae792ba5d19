"""Compute the times of a clip's frames from time stamps that may be missing or wrong.

Frames are identified by their number in display order. Time stamps determine only their times, and
only after a check, because containers without stamps (raw streams) or with stamps made up by the
reader (AVI) are common, as are recordings that were joined or cut.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

REORDERING = 16
"""The largest displacement of a stamp in frames: the limit of reordering in H.264 and HEVC."""

JUMP = 10.0
"""In seconds: a longer gap in a broadcast stream is a joint (ffmpeg's dts_delta_threshold)."""

LONGEST = 86_400.0
"""One day, in seconds: a first or last stamp that is farther from the others is wrong."""

SHORTEST = 2e-4
"""The shortest duration of a frame in seconds: 5,000 frames per second."""


def frame_times(
    stamps: Sequence[int | None], unit: float, rate: float, *, joins: bool = False
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return the time of each frame, in seconds from the first one.

    Parameters
    ----------
    stamps
        The time stamp of each frame, in display order; None if it has none.
    unit
        The unit of the stamps in seconds.
    rate
        The frame rate that the file states, used for frames without usable stamps.
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
    # Frames without a stamp may lie in between, so each gap is divided by its number of frames.
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
    """Interpolate the times of frames without a stamp, and extrapolate at the ends by a step."""
    numbers = np.arange(count)
    times = np.interp(numbers, known, seconds)
    times += np.minimum(numbers - known[0], 0) * step + np.maximum(numbers - known[-1], 0) * step
    filled: NDArray[np.float64] = times - times[0]
    return filled


def too_dense(seconds: NDArray[np.floating]) -> bool:
    """Whether stamps are so dense that they must be frame numbers in a wrong unit."""
    return len(seconds) > 1 and float(np.median(np.abs(np.diff(seconds)))) < SHORTEST


def far_apart(seconds: NDArray[np.floating]) -> bool:
    """Whether some stamps are farther apart than is possible in a recording."""
    return bool((np.diff(seconds) > LONGEST).any())


def ascending(values: NDArray[np.float64] | NDArray[np.int64]) -> bool:
    """Whether each value is greater than the one before."""
    return bool((np.diff(values) > 0).all())


def _reordered(seconds: NDArray[np.float64]) -> bool:
    """Whether the stamps are in decoding order instead of display order."""
    order = np.argsort(seconds, kind="stable")
    if not ascending(seconds[order]):
        return False
    farthest = np.abs(order - np.arange(len(order))).max()
    # At a joint, stamps go back once and far; with reordering, they go back throughout.
    often = (np.diff(seconds) < 0).sum() * (REORDERING + 4) >= len(seconds)
    return bool(farthest <= (REORDERING if often else 4))


def _alone(seconds: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Mark single stamps out of order whose neighbors ascend: wrong stamps, not joints."""
    alone = np.zeros(len(seconds), bool)
    before, here, after = seconds[:-2], seconds[1:-1], seconds[2:]
    alone[1:-1] = (before < after) & ((here <= before) | (here >= after))
    return alone


def _far_ends(seconds: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Mark a first or last stamp that is more than a day from its neighbor."""
    far = np.zeros(len(seconds), bool)
    if len(seconds) > 2:
        far[[0, -1]] = np.abs(np.diff(seconds))[[0, -1]] > LONGEST
    return far


def _by_rate(rate: float) -> str:
    return f"the times follow from {rate:g} frames a second"
