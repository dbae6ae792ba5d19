"""How a model family answers with coordinates when it is asked where an object is."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tam.families.processor import Processor

NUMBER = r"\s*(\d+(?:\.\d+)?)\s*"
"""A pattern of one side of a box, as a group."""

Units = Callable[[Mapping[str, Any], Processor], tuple[float, float]]
"""A function of a prompt's inputs and the processor: the units of a picture's width and height."""


def parts(count: int) -> Units:
    """Return units that divide each picture into equally many parts."""
    return lambda _inputs, _processor: (count, count)


THOUSANDTHS = parts(1000)
"""Units of a thousandth of the picture, the most frequent ones."""


@dataclass(frozen=True)
class BoxStyle:
    """The question for a box, and the answer with which a family was trained.

    Parameters
    ----------
    asked
        The question, with ``{noun}`` in it.
    form
        A pattern of the answer whose groups are the four sides.
    sides
        The order of left, top, right and bottom in it.
    units
        The number of units of the picture's width and height.
    """

    asked: str
    form: re.Pattern[str]
    sides: tuple[int, int, int, int] = (0, 1, 2, 3)
    units: Units = THOUSANDTHS


def json_boxes(units: Units = THOUSANDTHS) -> BoxStyle:
    """Return the style of answers in JSON, ``"bbox_2d": [x0, y0, x1, y1]``."""
    return BoxStyle(
        "Locate the {noun} and output its bbox coordinates using JSON format.",
        re.compile(rf'"bbox_2d"\s*:\s*\[{NUMBER},{NUMBER},{NUMBER},{NUMBER}\]'),
        units=units,
    )
