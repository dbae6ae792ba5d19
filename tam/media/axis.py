"""The axis of a clip's frames: time, or the depth of a volume."""

from dataclasses import dataclass
from typing import Final

from tam.text.counting import number_of


@dataclass(frozen=True)
class Axis:
    """An axis of frames, with its unit.

    Parameters
    ----------
    frame
        The name of one step: ``"frame"`` for a clip, ``"slice"`` for a volume.
    symbol
        The symbol of a place on the axis, such as ``"z"``; empty for time.
    unit
        The unit of places: ``"s"`` or ``"mm"``; empty if they are plain numbers.
    """

    frame: str = "frame"
    symbol: str = ""
    unit: str = "s"

    @property
    def is_time(self) -> bool:
        """Whether the axis is time, in seconds."""
        return self.unit == "s"

    def told(self, index: int, place: float) -> str:
        """Describe a step by its number, counted from 1, and its place.

        >>> Axis().told(2, 1.0)
        'frame 3 at 1.00 s'
        >>> Axis("slice", "z", "mm").told(11, 34.5)
        'slice 12, z = 34.5 mm'
        >>> Axis("page", "", "").told(0, 0)
        'page 1'
        >>> Axis("page", "", "").told(1, 4)  # the second page taken
        'page 2 (5 in the file)'
        """
        step = f"{self.frame} {number_of(index)}"
        if self.is_time:
            return f"{step} at {place:.2f} s"
        if not self.unit:  # a plain number
            there = number_of(round(place))
            return step if there == number_of(index) else f"{step} ({there} in the file)"
        return f"{step}, {self.symbol} = {place:.1f} {self.unit}"


TIME: Final = Axis()
"""Seconds from a clip's first frame."""
