"""Pictures of a saved explanation, measured before they are decoded."""

from typing import Final

import numpy as np

from tam.errors import SavedFileError
from tam.files.fields import FAR, REMEDY, Field
from tam.files.jpeg import decode_jpeg, is_jpeg, jpeg_size
from tam.files.png import decode_png, png_size
from tam.files.tensors import SavedTensors
from tam.media.axis import TIME, Axis
from tam.media.media import Encoded, Media

PIXEL_LIMIT: Final = 1_000_000_000
"""The largest number of pixels of all frames of a saved file, unless the caller allows more."""

# A byte of PNG holds about one pixel of a photograph and up to some dozens of a drawing; only empty
# pictures and decompression bombs hold more.
_MOST_PIXELS_A_BYTE = 60
_HARMLESS = 100_000_000


def read_media(items: Field, tensors: SavedTensors, pixel_limit: int) -> tuple[Media, ...]:
    """Read all pictures and clips: first the sizes of all frames, then their pixels."""
    pixels = 0
    encoded: list[tuple[Field, list[bytes]]] = []
    for index, item in enumerate(items.items()):
        size = item["width"].integer(1), item["height"].integer(1)
        count = item["frames"].integer(1)
        frames: list[bytes] = []
        # If the count is too high, reading stops with an error at the first missing tensor.
        for f in range(count):
            name = f"media.{index}.frame.{f}"
            frames.append(tensors.read(name, "U8", (None,)).tobytes())
            found = _size(frames[-1], name, tensors)
            if found != size:
                tensors.refuse(f"tensor {name} is {found[0]}×{found[1]}, not {size[0]}×{size[1]}")
            pixels += found[0] * found[1]
        encoded.append((item, frames))
    if pixels > pixel_limit:
        raise SavedFileError(
            f"holds pictures of {pixels} pixels; the limit is {pixel_limit}",
            where=str(tensors.path),
            remedy="if you trust the file, pass a higher pixel_limit to load_explanation",
        )
    held = sum(len(data) for _, frames in encoded for data in frames)
    if pixels > max(_HARMLESS, _MOST_PIXELS_A_BYTE * held):
        raise SavedFileError(
            f"holds {held} bytes of pictures that decode to {pixels} pixels",
            where=str(tensors.path),
            remedy=REMEDY,
        )
    return tuple(
        _decoded(item, index, frames, tensors) for index, (item, frames) in enumerate(encoded)
    )


def _decoded(item: Field, index: int, frames: list[bytes], tensors: SavedTensors) -> Media:
    kind = item["kind"].text()
    if kind not in ("image", "video"):
        item["kind"].refuse("is not 'image' or 'video'")
    pictures = np.empty((len(frames), item["height"].value, item["width"].value, 3), np.uint8)
    encoded = None
    for f, data in enumerate(frames):
        try:
            if is_jpeg(data):
                pictures[f], kept = decode_jpeg(data)
                encoded = Encoded(kept, pictures) if len(frames) == 1 else None
            else:
                pictures[f] = decode_png(data)
        except ValueError as error:
            tensors.refuse(f"tensor media.{index}.frame.{f} {error}", error)
    times = tensors.read_within(f"media.{index}.times", "F64", (len(frames),), -FAR, FAR)
    return Media(pictures, times, item["name"].text(), kind, encoded=encoded, axis=_axis(item))


def _axis(item: Field) -> Axis:
    """Return the axis of the frames, which is time if the document does not name one."""
    if "axis" not in item.object():
        return TIME
    axis = item["axis"]
    return Axis(*(axis[name].text() for name in ("frame", "symbol", "unit")))


def _size(data: bytes, name: str, tensors: SavedTensors) -> tuple[int, int]:
    try:
        return jpeg_size(data) if is_jpeg(data) else png_size(data)
    except ValueError as error:
        tensors.refuse(f"tensor {name} {error}", error)
