"""Two ways to do the same, timed in turn, so that whatever else runs disturbs both alike."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Way = Callable[[], object]


@dataclass(frozen=True)
class Pair:
    """Seconds of a way and of what it is held against, each pair taken one after the other."""

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
        What was done.
    value
        The figure that has a limit.
    unit
        Its unit; ``"×"`` for a ratio.
    limit
        The limit, at most or, with ``at_least``, at least.
    seconds, plain_seconds
        Medians of both ways; None where there is but one, or none.
    against
        What it is held against.
    note
        What else was seen.
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
        """Whether the value keeps the limit."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def in_turn(ours: Way, plain: Way, repeats: int, *, warm: int = 1) -> Pair:
    """Time both in turn, in CPU seconds of this process; the first ``warm`` pairs do not count."""
    found = [(cpu_seconds(ours), cpu_seconds(plain)) for _ in range(warm + repeats)][warm:]
    return Pair(tuple(pair[0] for pair in found), tuple(pair[1] for pair in found))


def cpu_seconds(way: Way) -> float:
    """CPU seconds of this process, all threads together, for one call."""
    start = time.process_time()
    way()
    return time.process_time() - start


def line(name: str, pair: Pair, limit: float, against: str, **more: Any) -> Line:
    """Make the line of a ratio."""
    medians = statistics.median(pair.ours), statistics.median(pair.plain)
    return Line(name, pair.ratio, "×", limit, *medians, against, **more)
