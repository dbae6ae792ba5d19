"""Two ways to do the same, timed alternately, so that other load affects both equally."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Way = Callable[[], object]


@dataclass(frozen=True)
class Pair:
    """Seconds of one way and of the one it is compared with, timed alternately."""

    ours: tuple[float, ...]
    plain: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """The median of the pairs' ratios."""
        return statistics.median(a / b for a, b in zip(self.ours, self.plain, strict=True))


@dataclass(frozen=True)
class Line:
    """One line of the guard's table.

    Parameters
    ----------
    name
        What was measured.
    value
        The figure that has a limit.
    unit
        Its unit; ``"×"`` for a ratio.
    limit
        The limit: an upper one, or a lower one with ``at_least``.
    seconds, plain_seconds
        Medians of both ways; None for a way that was not timed.
    against
        What it is compared with.
    note
        Further observations.
    """

    name: str
    value: float
    unit: str
    limit: float
    seconds: float | None = None
    plain_seconds: float | None = None
    against: str = ""
    note: str = ""
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether the value is within the limit."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def in_turn(ours: Way, plain: Way, repeats: int, *, warm: int = 1) -> Pair:
    """Time both alternately, in CPU seconds of this process, without the first ``warm`` pairs."""
    found = [(cpu_seconds(ours), cpu_seconds(plain)) for _ in range(warm + repeats)][warm:]
    return Pair(tuple(pair[0] for pair in found), tuple(pair[1] for pair in found))


def cpu_seconds(way: Way) -> float:
    """Return the CPU seconds of this process, all threads together, for one call."""
    start = time.process_time()
    way()
    return time.process_time() - start


def line(name: str, pair: Pair, limit: float, against: str, **more: Any) -> Line:
    """Make the line of a ratio."""
    medians = statistics.median(pair.ours), statistics.median(pair.plain)
    return Line(name, pair.ratio, "×", limit, *medians, against, **more)
