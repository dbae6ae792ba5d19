"""Scale the pictures of an explanation, keeping the maps aligned."""

from dataclasses import replace
from typing import TypeVar

import numpy as np
from PIL import Image

from tam.explanation.data import ExplanationData
from tam.geometry.layout import VisionGrid
from tam.media.media import Media

_Data = TypeVar("_Data", bound=ExplanationData)


def resized(explanation: _Data, *, largest: int, smallest: int = 1) -> _Data:
    """Scale every picture so that its long side is between ``smallest`` and ``largest`` pixels.

    Parameters
    ----------
    explanation
        The explanation, which is not modified; pictures that need no scaling are shared.
    largest, smallest
        Limits on the long side, in pixels.

    Returns
    -------
    The explanation with scaled pictures and grid boxes.
    """
    media = tuple(
        resized_media(item, largest=largest, smallest=smallest) for item in explanation.media
    )
    grids = tuple(
        _moved(grid, explanation.media[grid.media], media[grid.media]) for grid in explanation.grids
    )
    return replace(explanation, media=media, grids=grids)


def resized_media(item: Media, *, largest: int, smallest: int = 1) -> Media:
    """Scale a picture or clip as :func:`resized` does; return it as is if it fits."""
    long_side = max(item.width, item.height)
    scale = min(max(long_side, smallest), largest) / long_side
    if scale == 1:
        return item
    size = max(1, round(item.width * scale)), max(1, round(item.height * scale))
    method = Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.BICUBIC
    frames = [np.asarray(Image.fromarray(frame).resize(size, method)) for frame in item.frames]
    return replace(item, frames=np.stack(frames))


def _moved(grid: VisionGrid, before: Media, after: Media) -> VisionGrid:
    if after is before:
        return grid
    x, y = after.width / before.width, after.height / before.height
    left, top, right, bottom = grid.box
    columns, rows = grid.seams
    return replace(
        grid,
        box=(left * x, top * y, right * x, bottom * y),
        seams=(tuple(place * x for place in columns), tuple(place * y for place in rows)),
    )
