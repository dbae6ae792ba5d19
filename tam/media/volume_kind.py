"""Recognize volumes by their content."""

import gzip
import zlib
from pathlib import Path
from typing import Final

from tam.media.cut import WHOLE, Cut
from tam.media.media import Media
from tam.media.slides import is_slide, open_slide

_DICOM_MARK: Final = (128, b"DICM")
_NIFTI_MARKS: Final = ((344, (b"n+1\0", b"ni1\0")), (4, (b"n+2\0", b"ni2\0")))
_TIFF_MARKS: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_HEADER: Final = 348


def volume_kind(path: Path, cut: Cut = WHOLE) -> str | None:
    """Return the kind of volume that a file is; a folder is judged by its first file.

    Parameters
    ----------
    path
        The file or folder.
    cut
        The requested part; a TIFF counts as a slide if a region or a level is requested.

    Returns
    -------
    ``"dicom"``, ``"nifti"`` or ``"slide"``; None for anything else, including unreadable files.
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
    of_slide = cut.region is not None or cut.level is not None
    if is_slide(path) or (of_slide and head[:4] in _TIFF_MARKS):
        return "slide"
    return "nifti" if _is_nifti(head) or _is_nifti(_unzipped(path, head)) else None


def open_volume(path: Path, kind: str, cut: Cut, max_frames: int) -> Media:
    """Open a file of a kind from :func:`volume_kind`, or ``"pages"`` for a multi-page TIFF."""
    if kind == "slide":
        return open_slide(path, cut=cut)
    from tam.media.volumes import open_dicom, open_nifti, open_pages

    openers = {"dicom": open_dicom, "nifti": open_nifti, "pages": open_pages}
    return openers[kind](path, cut=cut, max_frames=max_frames)


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
