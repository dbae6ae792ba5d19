"""What the frames of a clip stand along: time, or the depth of a volume."""

from dataclasses import dataclass
from typing import Final

from tam.text.counting import number_of


@dataclass(frozen=True)
class Axis:
    """An axis, with its unit.

    Parameters
    ----------
    frame
        What one step of it is called: ``"frame"`` of a clip, ``"slice"`` of a volume.
    symbol
        What a place on it is called, such as ``"z"``; empty for time.
    unit
        The unit of its places: ``"s"``, ``"mm"``; empty where they are mere numbers.
    """

    frame: str = "frame"
    symbol: str = ""
    unit: str = "s"

    @property
    def is_time(self) -> bool:
        """Whether places on it are seconds."""
        return self.unit == "s"

    def told(self, index: int, place: float) -> str:
        """Name a step for people, who count from 1, and where it lies.

        >>> Axis().told(2, 1.0)
        'frame 3 at 1.00 s'
        >>> Axis("slice", "z", "mm").told(11, 34.5)
        'slice 12, z = 34.5 mm'
        >>> Axis("page", "", "").told(0, 0)
        'page 1'
        >>> Axis("page", "", "").told(1, 4)  # the second that was taken
        'page 2 (5 in the file)'
        """
        step = f"{self.frame} {number_of(index)}"
        if self.is_time:
            return f"{step} at {place:.2f} s"
        if not self.unit:  # a mere number
            there = number_of(round(place))
            return step if there == number_of(index) else f"{step} ({there} in the file)"
        return f"{step}, {self.symbol} = {place:.1f} {self.unit}"


TIME: Final = Axis()
"""Seconds from a clip's first frame."""
