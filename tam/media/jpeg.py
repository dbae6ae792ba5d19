"""Strip metadata from a JPEG: EXIF, GPS, thumbnails, comments and trailers.

Markers are those of ITU-T T.81, table B.1. The result decodes to exactly the same pixels as the
file, with the same orientation. Color profiles, which the toolkit does not read, are also dropped.
"""

import re
import struct
from typing import Final

_START, _END = b"\xff\xd8", b"\xff\xd9"
_SCAN: Final = 0xDA
_JFIF: Final = b"JFIF\0"
_JFIF_BYTES: Final = 14
_ADOBE_MARKER: Final = 0xEE
_REMARK: Final = 0xFE
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
# The end of a scan: a marker that is not a stuffed zero, a restart or a fill byte.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")

_ORIENTATION: Final = 0x0112
_SHORT: Final = 3


def stripped_jpeg(data: bytes, orientation: int = 1) -> bytes:
    """Keep only the segments needed to decode the pixels.

    Parameters
    ----------
    data
        A JPEG file; anything after its first picture is dropped.
    orientation
        The EXIF orientation, 1 to 8. Unless it is 1, an EXIF block that holds only it is written.

    Raises
    ------
    ValueError
        If the bytes are not a complete JPEG.
    """
    if not data.startswith(_START):
        raise ValueError("is not a JPEG picture")
    kept = [_START, *([] if orientation == 1 else [_turned(orientation)])]
    at = len(_START)
    while data[at : at + 2] != _END:
        if at + 4 > len(data) or data[at] != 0xFF:
            raise ValueError("is a damaged JPEG picture")
        marker = data[at + 1]
        if marker == 0xFF or marker in _ALONE:
            at += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack(">H", data[at + 2 : at + 4])
        end = at + 2 + length
        if marker == _SCAN:
            found = _MARKER.search(data, end)
            if found is None:
                raise ValueError("is a JPEG picture without an end")
            end = found.start()
        kept.append(_segment(marker, data[at:end]))
        at = end
    return b"".join([*kept, _END])


def _segment(marker: int, segment: bytes) -> bytes:
    if marker == 0xE0 and segment[4:9] == _JFIF:
        # Drop the thumbnail, and set its width and height, the last two bytes kept, to 0.
        body = segment[4 : 2 + _JFIF_BYTES]
        return b"\xff\xe0" + struct.pack(">H", 2 + len(body) + 2) + body + b"\0\0"
    if marker == _REMARK or (0xE0 <= marker <= 0xEF and marker != _ADOBE_MARKER):
        return b""
    return segment


def _turned(orientation: int) -> bytes:
    entry = struct.pack(">HHIHH", _ORIENTATION, _SHORT, 1, orientation, 0)
    block = b"Exif\0\0MM\0\x2a" + struct.pack(">IH", 8, 1) + entry + struct.pack(">I", 0)
    return b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block
