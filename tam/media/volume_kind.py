"""Which files are volumes, by their content."""

import gzip
import zlib
from pathlib import Path
from typing import Final

from tam.media.media import Media

_DICOM_MARK: Final = (128, b"DICM")
_NIFTI_MARKS: Final = ((344, (b"n+1\0", b"ni1\0")), (4, (b"n+2\0", b"ni2\0")))
_HEADER: Final = 348


def volume_kind(path: Path) -> str | None:
    """Tell what kind of volume a file is, or a folder by its first file.

    Returns
    -------
    ``"dicom"``, ``"nifti"``, or None for anything else, also for what cannot be read.
    """
    try:
        if path.is_dir():
            first = next((item for item in sorted(path.iterdir()) if item.is_file()), None)
            return "dicom" if first is not None and _is_dicom(_head(first)) else None
        if not path.is_file():
            return None
        head = _head(path)
    except (OSError, ValueError):
        return None
    if _is_dicom(head):
        return "dicom"
    return "nifti" if _is_nifti(head) or _is_nifti(_unzipped(path, head)) else None


def open_volume(path: Path, kind: str, max_frames: int) -> Media:
    """Open what :func:`volume_kind` told, see :mod:`tam.media.volumes`."""
    from tam.media.volumes import open_dicom, open_nifti

    openers = {"dicom": open_dicom, "nifti": open_nifti}
    return openers[kind](path, max_frames=max_frames)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEADER)


def _is_dicom(head: bytes) -> bool:
    place, mark = _DICOM_MARK
    return head[place : place + len(mark)] == mark


def _is_nifti(head: bytes) -> bool:
    return any(head[place : place + 4] in marks for place, marks in _NIFTI_MARKS)


def _unzipped(path: Path, head: bytes) -> bytes:
    if not head.startswith(b"\x1f\x8b"):
        return b""
    try:
        with gzip.open(path) as file:
            return file.read(_HEADER)
    except (OSError, EOFError, zlib.error):
        return b""
