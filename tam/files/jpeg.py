"""JPEG pictures of saved explanations, measured before they are decoded."""

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tam.errors import MediaError
from tam.media.jpeg import stripped_jpeg
from tam.media.raster import orientation, rgb_pixels

_SIGNATURE = b"\xff\xd8\xff"
_SIDEWAYS = range(5, 9)


def is_jpeg(data: bytes) -> bool:
    """Whether bytes begin with the signature of a JPEG."""
    return data.startswith(_SIGNATURE)


def jpeg_size(data: bytes) -> tuple[int, int]:
    """Read the width and height of a JPEG from its header, after applying its orientation.

    Raises
    ------
    ValueError
        If the bytes are not an 8-bit grey or color JPEG.
    """
    with _opened(data) as picture:
        width, height = picture.size
        return (height, width) if orientation(picture) in _SIDEWAYS else (width, height)


def decode_jpeg(data: bytes) -> tuple[NDArray[np.uint8], bytes]:
    """Decode a JPEG to uint8 [H, W, 3], upright. Limit its size first, see :func:`jpeg_size`.

    Returns
    -------
    The pixels, and the JPEG without metadata.

    Raises
    ------
    ValueError
        If the picture is damaged or too large for Pillow.
    """
    with _opened(data) as picture:
        pixels, _ = rgb_pixels(picture, "JPEG")
        return pixels, stripped_jpeg(data, orientation(picture))


@contextmanager
def _opened(data: bytes) -> Iterator[Image.Image]:
    try:
        with warnings.catch_warnings():
            # The caller has checked its own limit; Pillow's hard limit still holds.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=("JPEG",)) as picture:
                if picture.mode not in ("RGB", "L"):
                    raise ValueError("is not an 8-bit grey or color picture")
                yield picture
    except Image.DecompressionBombError as error:
        raise ValueError(f"is too large to decode: {error}") from error
    # Pillow raises any of these for a damaged file.
    except (OSError, SyntaxError, EOFError, struct.error, IndexError, MediaError) as error:
        raise ValueError(f"cannot be decoded: {error}") from error
