"""Bounded reading of untrusted files, which must be regular files."""

import json
import os
import stat
from pathlib import Path
from typing import Any, Final, NoReturn

from tam.errors import SavedFileError, TamError, os_errors_as_tam_errors

JSON_BYTES: Final = 64 * 2**20
"""The largest size of a JSON document in bytes; ten thousand words take a fifth of it."""

JSON_VALUES: Final = 2_000_000
"""The largest number of values in it: one byte of JSON can take a hundred bytes once parsed."""

_MOSTLY_HOLES: Final = 16
_SMALL: Final = 64 * 2**20


def check_regular(
    path: Path, *, remedy: str, kind: type[TamError] = SavedFileError
) -> os.stat_result:
    """Refuse anything but a regular file with content: folders, pipes, devices, sparse files.

    Returns
    -------
    The file's status, as from :func:`os.stat`.

    Raises
    ------
    TamError
        An error of ``kind``.
    """
    with os_errors_as_tam_errors(path, doing="read", remedy=remedy, kind=kind):
        found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise kind("is not a regular file", where=str(path), remedy=remedy)
    held = getattr(found, "st_blocks", None)  # not available on Windows
    if held is not None and found.st_size > max(_SMALL, _MOSTLY_HOLES * 512 * held):
        raise kind(
            f"claims to hold {found.st_size} bytes, but holds {512 * held}",
            where=str(path),
            remedy=remedy,
        )
    return found


def read_bounded(
    path: Path, limit: int, *, remedy: str, kind: type[TamError] = SavedFileError
) -> bytes:
    """Read a whole regular file.

    Parameters
    ----------
    limit
        The largest number of bytes.
    remedy, kind
        Remedy and type of the error.

    Raises
    ------
    TamError
        An error of ``kind`` if the file is missing, unreadable, too long or not a regular file.
    """
    check_regular(path, remedy=remedy, kind=kind)
    guarded = os_errors_as_tam_errors(path, doing="read", remedy=remedy, kind=kind)
    with guarded, path.open("rb") as stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise kind(f"is longer than {limit} bytes", where=str(path), remedy=remedy)
    return content


def read_json(
    path: Path,
    *,
    remedy: str,
    kind: type[TamError] = SavedFileError,
    limit: int = JSON_BYTES,
    most: int = JSON_VALUES,
) -> Any:
    """Read a JSON file, after counting the values that it would decode to.

    Parameters
    ----------
    path
        The file.
    remedy, kind
        Remedy and type of the error.
    limit, most
        The largest numbers of bytes and of values.

    Raises
    ------
    TamError
        An error of ``kind``, also if the file is not JSON (NaN and infinity are not allowed).
    """
    content = read_bounded(path, limit, remedy=remedy, kind=kind)
    # Each comma and each opening bracket adds a value; those inside strings are counted, too.
    values = sum(map(content.count, (b",", b"[", b"{")))
    if values > most:
        raise kind(f"holds {values} values; the limit is {most}", where=str(path), remedy=remedy)
    try:
        return json.loads(content, parse_constant=_no_constant)
    # UnicodeDecodeError and JSONDecodeError are ValueErrors, and so is an over-long integer.
    except (ValueError, RecursionError) as error:
        raise kind(f"is not JSON: {error}", where=str(path), remedy=remedy) from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")
