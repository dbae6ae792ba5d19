"""The mark of what the toolkit wrote: only that may be replaced.

A marked file holds ``tam.export:`` and the SHA-256 of the whole file, taken with zeros in the place
of its own digits. So a file that anyone changed afterwards, or that another program wrote, has no
valid mark. It stands where the kind of file keeps remarks:

====== ==============================================================
PNG    a ``tEXt`` chunk named ``Comment``
GIF    the comment
MP4    the metadata's ``comment``
PDF    ``Keywords``
SVG    ``dc:subject`` of the metadata
HTML   a comment at the end
====== ==============================================================

A table in CSV has no such place: the digest of each that was exported stands in the folder of the
saved explanation, see :func:`record_export`.
"""

import hashlib
import json
import re
import struct
import zlib
from pathlib import Path
from typing import Final

from tam.errors import SavedFileError
from tam.files.reading import read_json

PLACEHOLDER: Final = "tam.export:" + "0" * 64
"""What a writer puts where its kind of file keeps remarks, for :func:`write_mark` to fill in."""

RECORD_NAME: Final = "exports.json"

_MARK = re.compile(rb"tam\.export:([0-9a-f]{64})")
_PNG = b"\x89PNG\r\n\x1a\n"
_LARGEST_RECORD = 2**20
_LARGEST_EXPORT = 2**30


def write_mark(path: Path) -> None:
    """Fill in the placeholder of a file that was just written; one without it stays as it is."""
    content = path.read_bytes()
    if content.count(PLACEHOLDER.encode()) == 1:
        path.write_bytes(_filled(content, _digest(content)))


def is_marked(path: Path) -> bool:
    """Whether a file is just what the toolkit wrote."""
    content = _content(path)
    found = _MARK.findall(content)
    if len(found) != 1:
        return False
    blank = _filled(content, "0" * 64)
    return bool(_digest(blank).encode() == found[0])


def record_export(folder: Path, exported: Path) -> None:
    """Note in the folder of a saved explanation what was exported of it, by its digest.

    Raises
    ------
    OSError
        If the folder cannot be written to.
    """
    digests = sorted({*_recorded(folder), _digest(_content(exported))})
    document = {"schema": "tam.exports", "sha256": digests}
    temporary = folder / f".{RECORD_NAME}"
    temporary.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    temporary.replace(folder / RECORD_NAME)


def is_recorded(folder: Path, exported: Path) -> bool:
    """Whether a file is just what was exported of a saved explanation."""
    return _digest(_content(exported)) in _recorded(folder)


def _content(path: Path) -> bytes:
    """What a file holds; nothing of one that is larger than any export."""
    return path.read_bytes() if path.stat().st_size <= _LARGEST_EXPORT else b""


def _recorded(folder: Path) -> set[str]:
    path = folder / RECORD_NAME
    if not path.exists():
        return set()
    try:
        found = read_json(path, remedy="remove it", limit=_LARGEST_RECORD)
    except SavedFileError:
        return set()
    digests = found.get("sha256") if isinstance(found, dict) else None
    return (
        {item for item in digests if isinstance(item, str)} if isinstance(digests, list) else set()
    )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _filled(content: bytes, digits: str) -> bytes:
    """Put other digits into the only mark, and set right the checksum that a PNG has over it."""
    place = next(_MARK.finditer(content))
    start, end = place.span(1)
    changed = content[:start] + digits.encode() + content[end:]
    if not changed.startswith(_PNG):
        return changed
    kind = changed.rfind(b"tEXt", 0, place.start())
    checksum = struct.pack(">I", zlib.crc32(changed[kind:end]))
    return changed[:end] + checksum + changed[end + 4 :]
