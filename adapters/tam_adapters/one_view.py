"""Families that show each picture once, at its own aspect ratio."""

from collections.abc import Sequence

import numpy as np

from tam.errors import ModelError
from tam.families.adapter import Encoded
from tam.geometry.layout import VisionGrid, VisionLayout
from tam_adapters.runs import cut_runs


def resized_layout(encoded: Encoded, cell: int, *, marked_rows: bool) -> VisionLayout:
    """Place the tokens of pictures that a Pixtral processor resized.

    The processor scales width and height separately to whole patches. Where a token merges several
    patches, leftover patches at the right and bottom edges belong to no token.

    Parameters
    ----------
    encoded
        The prompt; its ``image_sizes`` are (height, width) of each resized picture.
    cell
        Side of one token in pixels of the resized picture.
    marked_rows
        Whether another token follows each row.

    Raises
    ------
    ModelError
        If the processor's sizes do not match the pictures or the prompt.
    """
    sizes = encoded.arrays.get("image_sizes", np.zeros((0, 2), np.int64))
    if len(sizes) != len(encoded.media):
        raise ModelError(
            f"the processor encoded {len(sizes)} of {len(encoded.media)}",
            where="image inputs",
            remedy="give the processor as many as the prompt shows",
        )
    shapes = [(int(height) // cell, int(width) // cell) for height, width in sizes]
    lengths = [rows_of(h, w, marked_rows) for h, w in shapes]
    token = int(encoded.config.image_token_id)
    runs = iter(cut_runs(encoded.ids, token, [n for rows in lengths for n in rows], "image"))
    grids = []
    for index, placed in enumerate(encoded.media):
        (h, w), (height, width) = shapes[index], sizes[index]
        right = placed.media.width * w * cell / int(width)
        bottom = placed.media.height * h * cell / int(height)
        grids.append(
            VisionGrid(
                media=index,
                turn=placed.turn,
                view="whole",
                shape=(1, h, w),
                box=(0, 0, right, bottom),
                positions=np.concatenate([next(runs) for _ in lengths[index]]),
                spans=np.array([[0, 1]], dtype=np.int64),
            )
        )
    return VisionLayout(grids=tuple(grids), separators=np.zeros(0, np.int64))


def rows_of(height: int, width: int, marked_rows: bool) -> Sequence[int]:
    """Return the lengths of the contiguous runs of a picture of ``height × width`` tokens."""
    return [width] * height if marked_rows else [height * width]
