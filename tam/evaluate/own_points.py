"""Agreement of a map with the place that the model itself gives for an object.

Some models answer with coordinates when they are asked where an object is. The question, the form
of the answer and its unit are those that each family was trained with (``Adapter.boxes``).

The figure is the share of the picture's pixels that are cooler than the middle of the first box:
1 if it is the hottest place, one half by chance. It needs no ground truth, and tells nothing where
the model does not know the place itself. Nothing is measured for other models, nor for an answer of
another form.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tam.evaluate.localization import Map
from tam.evaluate.measuring import Line
from tam.evaluate.stacking import stacked_map
from tam.explanation.word import Word
from tam.families.boxes import BoxStyle
from tam.prompt.conversation import question

if TYPE_CHECKING:
    from tam.evaluate.items import Item
    from tam.explanation.explanation import Explanation
    from tam.model.model import Model

_LONGEST = 64


def own_points(
    model: "Model", item: "Item", nouns: Sequence[str]
) -> dict[str, tuple[float, float]]:
    """Ask a model for the places of objects, each in a conversation of its own.

    Parameters
    ----------
    model
        The model. Nothing is asked if its family is not known to answer so.
    item
        An item with one picture; nothing is asked about others.
    nouns
        The objects.

    Returns
    -------
    The middle of the box of each object, x and y as shares of the picture; without those whose
    answer has no box in the picture.
    """
    style = model.adapter.boxes
    if style is None or len(item.media) != 1 or len(item.media[0].frames) > 1:
        return {}
    found = {}
    for noun in dict.fromkeys(nouns):
        asked = question([item.media[0]], style.asked.format(noun=noun))
        recording = model.run(asked, max_new_tokens=_LONGEST)
        units = style.units(recording.prepared.prompt.inputs, model.processor)
        place = box_middle(recording.trace.text.reply, style, units)
        if place is not None:
            found[noun] = place
    return found


def box_middle(
    text: str, style: BoxStyle, units: tuple[float, float]
) -> tuple[float, float] | None:
    """Return the middle of the first box of an answer, x and y as shares of the picture.

    Parameters
    ----------
    text
        The answer.
    style
        Its style.
    units
        The number of units of the width and of the height.

    Returns
    -------
    None if there is no box, or if its middle is outside the picture.
    """
    match = style.form.search(text)
    if match is None:
        return None
    left, top, right, bottom = (float(match.groups()[side]) for side in style.sides)
    x, y = (left + right) / 2 / units[0], (top + bottom) / 2 / units[1]
    return (x, y) if 0 <= x < 1 and 0 <= y < 1 else None


def share_cooler(heat: Map, place: tuple[float, float]) -> float:
    """Return the share of a map's pixels [H, W] that are cooler than a place; equals count half."""
    height, width = heat.shape
    own = heat[int(place[1] * height), int(place[0] * width)]
    return float((heat < own).mean() + 0.5 * (heat == own).mean())


def add_own_points(
    lines: Sequence[Line],
    explanation: "Explanation",
    tokens: Sequence[Sequence[int]],
    places: Mapping[str, tuple[float, float]],
) -> None:
    """Add the figure to the lines of object words whose place the model gave.

    Parameters
    ----------
    lines
        From :func:`tam.evaluate.measuring.measure`.
    explanation
        The explanation that they are of.
    tokens
        The targets of each word of the reply, by the lines' indices.
    places
        From :func:`own_points`, by the lines' words.
    """
    for line in lines:
        place = places.get(line["word"])
        if line["kind"] == "object" and place is not None and not line["false"]:
            heat = stacked_map(Word(explanation, tuple(tokens[line["index"]])))
            line["own_point"] = share_cooler(np.nan_to_num(heat), place)
