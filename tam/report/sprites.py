"""Encode arrays for the page: maps to draw as 8-bit grey PNGs, values as exact floats."""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tam.explanation.explanation import Explanation
from tam.files.png import encode_png

_QUALITY = 88
_SMALL = 600_000
_SAMPLE = 384
_LARGE = 8_000_000


def sprite(values: NDArray[np.float32]) -> str:
    """Encode float32 [rows, columns] in [0, 1] as a PNG of ``round(255 * value)``; NaN as 0.

    Returns
    -------
    A data URI.
    """
    grey = np.rint(np.clip(np.nan_to_num(values), 0, 1) * 255).astype(np.uint8)
    return _uri("png", encode_png(np.ascontiguousarray(grey), compress_level=9))


def floats(values: NDArray[np.float32]) -> str:
    """Encode numbers as little-endian float32 in Base64, row after row."""
    return base64.b64encode(values.astype("<f4").tobytes()).decode("ascii")


def grid_sprites(explanation: Explanation, rows: NDArray[np.float32]) -> list[str]:
    """Return a sprite for each grid, in which the cells [t, h, w] of all rows are stacked.

    The sprite is w pixels wide and R * t * h high, so that the map of a row is a contiguous run of
    pixels.

    Parameters
    ----------
    rows
        float32 [R, N] in [0, 1].
    """
    uris = []
    first = 0
    for grid in explanation.grids:
        last = first + grid.cells
        uris.append(sprite(rows[:, first:last].reshape(-1, grid.shape[2])))
        first = last
    return uris


def picture(pixels: NDArray[np.uint8]) -> str:
    """Encode uint8 [H, W, 3] RGB as JPEG, or as PNG if that is smaller, as for flat drawings.

    For a large picture, only its middle decides which is smaller.

    Returns
    -------
    A data URI.
    """
    middle = pixels if pixels.size <= _SMALL else _middle(pixels)
    jpeg, png = _jpeg(middle), encode_png(middle)
    if len(png) < len(jpeg):
        return _uri("png", png if middle is pixels else encode_png(pixels))
    return jpeg_uri(jpeg if middle is pixels else _jpeg(pixels))


def jpeg_uri(jpeg: bytes) -> str:
    """Return a JPEG as a data URI."""
    return _uri("jpeg", jpeg)


def _middle(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    top, left = (max(0, (side - _SAMPLE) // 2) for side in pixels.shape[:2])
    return np.ascontiguousarray(pixels[top : top + _SAMPLE, left : left + _SAMPLE])


def _jpeg(pixels: NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    fine = pixels.size <= _LARGE
    # A large picture is displayed at reduced size, so half the color resolution is enough.
    options = {"quality": _QUALITY, "subsampling": 0 if fine else 2}
    Image.fromarray(pixels).save(stream, "JPEG", **options)
    return stream.getvalue()


def _uri(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
