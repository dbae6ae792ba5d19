"""Convert decoded frames for display: transparency, orientation and square pixels."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
Matrix = tuple[int, ...]
"""A display matrix: 9 fixed-point numbers a b u c d v x y w by rows; a point (p, q) of the stored
frame is shown at (a p + c q + x, b p + d q + y)."""

# Indexed by the number of quarter turns counterclockwise.
_TURNS: tuple[Matrix | None, ...] = (
    None,
    (0, -1, 0, 1, 0, 0, 0, 0, 0),
    (-1, 0, 0, 0, -1, 0, 0, 0, 0),
    (0, 1, 0, -1, 0, 0, 0, 0, 0),
)

MAX_ASPECT = 200


@dataclass(frozen=True)
class Shape:
    """The aspect ratio of a clip's stored pixels.

    Parameters
    ----------
    aspect
        Width of a stored pixel over its height.
    """

    aspect: Fraction = Fraction(1)

    def shown(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width, in square pixels, of a stored frame before it is rotated."""
        wide = max(1, round(width * self.aspect))
        return (height, width if wide > MAX_ASPECT * height else wide)


def pixels_of(frame: Any, size: tuple[int, int]) -> tuple[Pixels, Matrix | None]:
    """Return a PyAV frame as stored, scaled to a size.

    Returns
    -------
    pixels, matrix
        uint8 [H, W, 3], or [H, W, 4] for a format with transparency; and the display matrix.
    """
    clear = frame.format.has_palette or any(part.is_alpha for part in frame.format.components)
    kind = "rgba" if clear else "rgb24"
    pixels = frame.to_ndarray(format=kind, height=size[0], width=size[1])
    return pixels, _display_matrix(frame)


def _display_matrix(frame: Any) -> Matrix | None:
    try:
        data = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:  # PyAV does not know the type of some other side data
        turns: int = round(frame.rotation / 90) % 4
        return _TURNS[turns]
    if data is None:
        return None
    matrix = tuple(int(value) for value in np.frombuffer(bytes(data), np.int32))
    return matrix if len(matrix) == 9 else None


def on_white(frames: list[Pixels]) -> tuple[list[Pixels], bool]:
    """Composite frames with transparency onto white.

    Returns
    -------
    frames, seen
        uint8 [H, W, 3] each, and whether any pixel was transparent. If no pixel is opaque, the
        alpha channel is unused (as in 32-bit AVI) and is ignored.
    """
    clear = [frame for frame in frames if frame.shape[2] == 4]
    if not any((frame[..., 3] < 255).any() for frame in clear):
        return [frame[..., :3] for frame in frames], False
    if not any(frame[..., 3].any() for frame in clear):
        return [frame[..., :3] for frame in frames], False
    return [_on_white(frame) if frame.shape[2] == 4 else frame for frame in frames], True


def _on_white(frame: Pixels) -> Pixels:
    alpha = frame[..., 3:].astype(np.uint16)
    mixed = frame[..., :3] * alpha + 255 * (255 - alpha)
    return ((mixed + 127) // 255).astype(np.uint8)


def upright(pixels: Pixels, matrix: Matrix | None) -> Pixels:
    """Rotate and flip a stored frame by its display matrix, to the nearest quarter turn."""
    if matrix is None:
        return pixels
    a, b, _, c, d = matrix[:5]
    if abs(a) + abs(d) >= abs(b) + abs(c):
        down, right = d, a
    else:
        pixels, down, right = pixels.transpose(1, 0, 2), b, c
    pixels = pixels[::-1] if down < 0 else pixels
    pixels = pixels[:, ::-1] if right < 0 else pixels
    return np.ascontiguousarray(pixels)


def inverse(matrix: Matrix) -> Matrix:
    """Return the matrix that undoes the rotation and flips of another."""
    a, b, _, c, d = matrix[:5]
    return (a, c, 0, b, d, 0, 0, 0, 0)


def squared(pixels: Pixels, shape: Shape) -> Pixels:
    """Make the pixels of a stored frame square by changing its width."""
    height, width = shape.shown(*pixels.shape[:2])
    if (height, width) == pixels.shape[:2]:
        return pixels
    image = Image.fromarray(np.ascontiguousarray(pixels))
    return np.array(image.resize((width, height), Image.Resampling.BICUBIC))
