"""Choose which frames of a clip to use."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tam.defaults import FPS, MAX_FRAMES
from tam.errors import MediaError
from tam.media.image import MAX_PIXELS


@dataclass(frozen=True)
class Sampling:
    """Which frames of a clip to use.

    Parameters
    ----------
    fps
        Frames per second.
    num_frames
        The number of evenly spaced frames, instead of ``fps``.
    start, end
        Limits in seconds from the clip's first frame; if ``end`` is None, up to the last frame.
    max_frames, max_pixels
        Limits on the number of frames, and of pixels in all frames. If one would be exceeded, fewer
        evenly spaced frames are used, and a note says so.

    Raises
    ------
    MediaError
        If a number is out of range.
    """

    fps: float = FPS
    num_frames: int | None = None
    start: float = 0.0
    end: float | None = None
    max_frames: int = MAX_FRAMES
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        wrong = {
            "fps": not 0 < self.fps < math.inf,
            "num_frames": self.num_frames is not None and self.num_frames < 1,
            "start": not 0 <= self.start < math.inf,
            "end": self.end is not None and not self.start < self.end < math.inf,
            "max_frames": self.max_frames < 1,
        }
        for name in (name for name, bad in wrong.items() if bad):
            raise MediaError(
                f"{getattr(self, name)} is not possible",
                where=name,
                remedy="use positive numbers, and an end after the start",
            )


def choose(
    times: NDArray[np.float64],
    size: tuple[int, int],
    sampling: Sampling,
    name: str,
    lasts: float | None = None,
) -> tuple[list[int], tuple[str, ...]]:
    """Return the numbers of the frames shown at evenly spaced times, and notes on the choice.

    Parameters
    ----------
    times
        float64 [T]: times of the frames in seconds from the first, ascending.
    size
        Height and width of a frame as displayed.
    sampling
        Which frames to use.
    name
        Name of the clip, for messages.
    lasts
        Duration in seconds; if None, the last frame lasts for the median step.
    """
    if lasts is None:
        lasts = float(times[-1] + (np.median(np.diff(times)) if len(times) > 1 else 0.0))
    end = lasts if sampling.end is None else min(sampling.end, lasts)
    if sampling.start >= max(lasts, times[-1] + 1e-9):
        raise MediaError(
            f"begins at {sampling.start:g} s but lasts {lasts:.2f} s",
            where=name,
            remedy="choose an earlier --start",
        )
    span = end - sampling.start
    # By its time stamps, a clip of 2.0 seconds may be slightly longer.
    asked = sampling.num_frames or max(1, math.ceil(min(span * sampling.fps, 1e12) - 1e-3))
    room = sampling.max_pixels // max(1, size[0] * size[1])
    count = max(1, min(asked, sampling.max_frames, room))
    gap = 1 / sampling.fps if sampling.num_frames is None else span / asked
    chosen = _shown(times, sampling.start, span / count if count < asked else gap, count)
    return chosen, _notes(times, sampling, (asked, gap, room, end), chosen)


def _shown(times: NDArray[np.float64], start: float, gap: float, count: int) -> list[int]:
    """Return the numbers of the frames shown at ``count`` times, ``gap`` seconds apart."""
    moments = start + np.arange(count) * gap
    numbers = np.unique(np.searchsorted(times, moments + 1e-6, side="right") - 1)
    return [int(number) for number in np.maximum(numbers, 0)]


def _notes(
    times: NDArray[np.float64],
    sampling: Sampling,
    wanted: tuple[int, float, int, float],
    chosen: list[int],
) -> tuple[str, ...]:
    asked, gap, room, end = wanted
    first = int(np.searchsorted(times, sampling.start + 1e-6, side="right")) - 1
    here = max(1, int(np.searchsorted(times, end - 1e-6, side="left")) - max(first, 0))
    # More than four sampling times per frame reach all but the shortest frames.
    many = asked > 4 * here
    there = here if many else len(_shown(times, sampling.start, gap, asked))
    if len(chosen) < there:
        budget = f"{sampling.max_frames} frames"
        if room < sampling.max_frames:
            budget = f"{sampling.max_pixels / 1e6:g} megapixels"
        return (f"{len(chosen)} of {there} frames taken, within the budget of {budget}",)
    return (f"all {there} frames taken",) if asked > there == here else ()
