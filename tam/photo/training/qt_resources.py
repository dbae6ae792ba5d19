"""Reading Qt resource archives (``.rcc``), in which GCompris stores its pictures."""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from tam.errors import InputError

_MAGIC = b"qres"
_COMPRESSED, _DIRECTORY, _ZSTD = 1, 2, 4


def read_resources(path: Path) -> Iterator[tuple[str, bytes]]:
    """Iterate over the files of an archive: the path inside it, and the content.

    Raises
    ------
    InputError
        If the file is not such an archive, or is compressed with zstd.
    """
    data = path.read_bytes()
    if data[:4] != _MAGIC:
        raise InputError(
            "is not a Qt resource archive", where=str(path), remedy="pass an .rcc file"
        )
    version, tree, contents, names = struct.unpack_from(">4I", data, 4)
    node = 22 if version >= 2 else 14

    def name(offset: int) -> str:
        (length,) = struct.unpack_from(">H", data, names + offset)
        start = names + offset + 6
        return data[start : start + 2 * length].decode("utf-16-be")

    def walk(index: int, folder: str) -> Iterator[tuple[str, bytes]]:
        at = tree + node * index
        offset, flags = struct.unpack_from(">IH", data, at)
        here = f"{folder}/{name(offset)}" if index else ""
        if flags & _DIRECTORY:
            count, first = struct.unpack_from(">II", data, at + 6)
            for child in range(first, first + count):
                yield from walk(child, here)
            return
        (place,) = struct.unpack_from(">I", data, at + 10)
        (length,) = struct.unpack_from(">I", data, contents + place)
        content = data[contents + place + 4 : contents + place + 4 + length]
        if flags & _ZSTD:
            raise InputError(
                "is compressed with zstd, which is not supported",
                where=f"{path}{here}",
                remedy="use another archive",
            )
        yield here.lstrip("/"), zlib.decompress(content[4:]) if flags & _COMPRESSED else content

    yield from walk(0, "")
