"""Detect recordings that were concatenated as bytes, as by ``cat first.mp4 second.mp4``.

In most containers FFmpeg reads all of them, but in those below it reads only the first.
"""

import io
from collections.abc import Iterator
from typing import BinaryIO

from tam.media.files import MediaFile

_STARTS = (
    b"FLV\x01",
    bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"),  # ASF: .wmv, .asf
    b"DKIF\x00\x00",  # IVF
)
_BOX = 8
_MOST_BOXES = 100_000
_CHUNK = 2**20


def unread_recordings(file: MediaFile, end: int) -> tuple[str, ...]:
    """Return a note if other recordings follow the part of a file that FFmpeg read.

    Parameters
    ----------
    file
        The clip.
    end
        The offset just after the last packet; 0 if packets have no positions.

    Returns
    -------
    A tuple with the note; empty if no recording follows.
    """
    if not end:
        return ()
    with file.opened() as stream:
        start = stream.read(16)
        own = next((first for first in _STARTS if start.startswith(first)), None)
        again = _occurs(stream, own, end) if own else _later_movie(stream, end)
    if not again:
        return ()
    return ("another recording follows the first one in the file; only the first is read",)


def _later_movie(stream: BinaryIO, end: int) -> bool:
    """Whether an MP4 or QuickTime file has a second movie box after an offset."""
    movies = [offset for kind, offset in _boxes(stream) if kind == b"moov"]
    return len(movies) > 1 and movies[-1] >= end


def _boxes(stream: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yield the kind and the offset of each box at the top level (ISO/IEC 14496-12, 4.2)."""
    length = stream.seek(0, io.SEEK_END)
    offset = 0
    for _ in range(_MOST_BOXES):
        if offset + _BOX > length:  # a damaged size may be any number
            return
        stream.seek(offset)
        head = stream.read(2 * _BOX)
        size, kind = int.from_bytes(head[:4]), head[4:_BOX]
        if size == 1:
            size = int.from_bytes(head[_BOX:])
        if size == 0:
            size = length - offset
        if size < _BOX:
            return
        yield kind, offset
        offset += size


def _occurs(stream: BinaryIO, wanted: bytes, begin: int) -> bool:
    """Whether some bytes occur in a file after an offset."""
    stream.seek(begin)
    before = b""
    while chunk := stream.read(_CHUNK):
        if wanted in before + chunk:
            return True
        before = chunk[-len(wanted) + 1 :]
    return False
