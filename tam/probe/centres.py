"""The centre and the width of a convolutional tower's response to a changed block.

Convolutions mix neighbouring cells and, unlike attention, cannot be switched off. With such a tower
a block changes nearly every token, but those at the block the most. The response is the squared
change of each token. Its centre of mass must be close to the block's centre, and its width small
relative to the picture. The edge of a picture truncates a response, which moves its centre inwards
by less than a cell.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tam.geometry.layout import VisionGrid, VisionLayout
from tam.probe.blocks import Block

_FARTHEST = 1.5
"""Largest distance in cells between the centres of a response and of its block."""
_WIDEST = 0.3
"""Largest width of a response relative to the grid's side; that of a uniform response is 0.29."""


@dataclass(frozen=True)
class Response:
    """How the tokens of a picture changed with one block.

    Parameters
    ----------
    expected
        Position of the token whose cell contains the block's centre.
    strongest
        Position of the token that changed the most.
    offset
        (x, y) from the block's centre to the response's centre of mass, in cells.
    width
        (x, y): the response's standard deviation, relative to the grid's side.
    """

    expected: int
    strongest: int
    offset: tuple[float, float]
    width: tuple[float, float]


def response_to(block: Block, change: NDArray[np.floating], layout: VisionLayout) -> Response:
    """Measure the response to a block.

    Parameters
    ----------
    block
        The block that was changed.
    change
        float [P]: by how much the features at each position of the prompt changed.
    layout
        The layout of the vision tokens.
    """
    grid = next(grid for grid in layout.grids if grid.media == block.media)
    positions, centres, cell = _cells(grid, block.frame)
    weights = np.square(change[positions].astype(np.float64))
    shares = weights / max(float(weights.sum()), 1e-30)
    middle = np.array([block.x0 + block.x1, block.y0 + block.y1]) / 2
    mean = shares @ centres
    width = np.sqrt(shares @ np.square(centres - mean)) / (cell * grid.shape[:0:-1])
    offset = (mean - middle) / cell
    return Response(
        expected=int(positions[np.argmin(np.abs((centres - middle) / cell).max(axis=1))]),
        strongest=int(positions[np.argmax(weights)]),
        offset=(float(offset[0]), float(offset[1])),
        width=(float(width[0]), float(width[1])),
    )


def misplaced(response: Response) -> bool:
    """Whether a response is far from its block, or practically uniform."""
    return max(np.abs(response.offset)) > _FARTHEST or max(response.width) > _WIDEST


def mean_offset(responses: Sequence[Response]) -> float:
    """Return the larger component of the mean offset of the responses, in cells; 0 for none."""
    if not responses:
        return 0.0
    return float(np.abs(np.mean([response.offset for response in responses], axis=0)).max())


def _cells(
    grid: VisionGrid, frame: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return positions [n], centres [n, 2] and the size [2] of the cells that show a frame."""
    shown = (grid.spans[:, 0] <= frame) & (frame < grid.spans[:, 1])
    positions = grid.positions.reshape(len(shown), -1)[shown].ravel()
    x0, y0, x1, y1 = grid.boxes.T
    centres = np.stack([(x0 + x1) / 2, (y0 + y1) / 2], axis=1)
    size = np.array([x1[0] - x0[0], y1[0] - y0[0]])
    return positions, np.tile(centres, (int(shown.sum()), 1)), size
