"""Crops of the picture, each enlarged to full size and read with the same reply."""

from functools import partial

import cv2
import numpy as np

from tam.media.media import Media
from tam.refine.refinement import Maps, Work
from tam.refine.views import Frames, Picture, seen_otherwise

PARTS = (2, 4)
"""The number of crops along a side of the picture, level by level."""

Tile = tuple[int, int, int]
"""A crop: the number of crops along a side, and its row and column."""


def crops(maps: Maps, work: Work) -> Maps:
    """Also explain the reply to 4 and to 16 crops of the pictures, and average the levels.

    Each crop is enlarged to the size of the picture, and the model reads the same reply after it;
    its map is placed where the crop was. A level's map combines all its crops, and the three levels
    (1, 4 and 16 crops) have equal weight. A word may be hot in a crop that does not show its
    object. Source: the idea of Progressive Patch Learning (Li et al. 2022, arXiv 2209.07828), which
    fuses these granularities in a network that it trains. Cost: the run and the method 20 times
    more.
    """
    levels = [maps]
    for parts in PARTS:
        tiles = [(parts, row, column) for row in range(parts) for column in range(parts)]
        seen = [
            seen_otherwise(work, partial(enlarged, tile=tile), partial(in_place, tile=tile))
            for tile in tiles
        ]
        levels.append(np.sum(seen, axis=0))
    return np.asarray(np.mean(levels, axis=0), np.float32)


def enlarged(frames: Frames, tile: Tile) -> Frames:
    """Crop frames, uint8 [T, H, W, 3], and enlarge the crop to their size."""
    height, width = frames.shape[1:3]
    rows, columns = _slices(height, width, tile)
    cropped = frames[:, rows, columns]
    return np.stack(
        [cv2.resize(frame, (width, height), interpolation=cv2.INTER_CUBIC) for frame in cropped]
    )


def in_place(seen: Picture, item: Media, tile: Tile) -> Picture:
    """Place the map of a crop where the crop was; all else is 0."""
    rows, columns = _slices(item.height, item.width, tile)
    found = np.zeros((item.height, item.width), np.float32)
    size = (columns.stop - columns.start, rows.stop - rows.start)
    found[rows, columns] = cv2.resize(seen, size, interpolation=cv2.INTER_AREA)
    return found


def _slices(height: int, width: int, tile: Tile) -> tuple[slice, slice]:
    """Return the rows and columns of a crop, at least one pixel each."""
    parts, row, column = tile
    places = []
    for size, index in ((height, row), (width, column)):
        first = min(index * size // parts, size - 1)
        places.append(slice(first, max((index + 1) * size // parts, first + 1)))
    return places[0], places[1]
