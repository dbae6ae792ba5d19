"""Arrays for the page: maps as 8-bit grey PNG pictures to draw, figures as exact floats."""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tam.explanation.explanation import Explanation
from tam.files.png import encode_png

_JPEG_QUALITY = 88


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
    """One sprite for each grid: its cells [t, h, w] of all rows below each other.

    The sprite is w pixels wide and R * t * h high, so that a row's map is one run of its pixels.

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
    """Encode uint8 [H, W, 3] RGB as JPEG, or as PNG where that is smaller (flat drawings are).

    Returns
    -------
    A data URI.
    """
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    jpeg, png = stream.getvalue(), encode_png(pixels)
    return _uri("png", png) if len(png) < len(jpeg) else _uri("jpeg", jpeg)


def _uri(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
