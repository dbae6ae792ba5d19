"""Marks of files that the toolkit wrote; only such files may be replaced.

A marked file holds ``tam.export:`` and the SHA-256 of the whole file, computed with zeros in place
of the digest. So a file that was changed afterwards, or that another program wrote, has no valid
mark. The mark is stored where each kind of file keeps comments:

====== ==============================================================
PNG    a ``tEXt`` chunk named ``Comment``
GIF    the comment
MP4    the metadata's ``comment``
PDF    ``Keywords``
SVG    ``dc:subject`` of the metadata
HTML   a comment at the end
====== ==============================================================

A CSV file has no comments; its digest is kept in the folder of the saved explanation, see
:func:`record_export`.
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
"""The comment that a writer puts into its file, for :func:`write_mark` to complete."""

RECORD_NAME: Final = "exports.json"

_MARK = re.compile(rb"tam\.export:([0-9a-f]{64})")
_PNG = b"\x89PNG\r\n\x1a\n"
_LARGEST_RECORD = 2**20
_LARGEST_EXPORT = 2**30


def write_mark(path: Path) -> None:
    """Fill in the placeholder of a newly written file; a file without one is not changed."""
    content = path.read_bytes()
    if content.count(PLACEHOLDER.encode()) == 1:
        path.write_bytes(_filled(content, _digest(content)))


def is_marked(path: Path) -> bool:
    """Whether a file is exactly as the toolkit wrote it."""
    content = _content(path)
    found = _MARK.findall(content)
    if len(found) != 1:
        return False
    blank = _filled(content, "0" * 64)
    return bool(_digest(blank).encode() == found[0])


def record_export(folder: Path, exported: Path) -> None:
    """Record the digest of an exported file in the folder of its saved explanation.

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
    """Whether a file is exactly an export of a saved explanation."""
    return _digest(_content(exported)) in _recorded(folder)


def _content(path: Path) -> bytes:
    """Return the content of a file, or nothing if it is larger than any export."""
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
    """Replace the digest in the only mark, and in a PNG also the checksum of its chunk."""
    place = next(_MARK.finditer(content))
    start, end = place.span(1)
    changed = content[:start] + digits.encode() + content[end:]
    if not changed.startswith(_PNG):
        return changed
    kind = changed.rfind(b"tEXt", 0, place.start())
    checksum = struct.pack(">I", zlib.crc32(changed[kind:end]))
    return changed[:end] + checksum + changed[end + 4 :]
