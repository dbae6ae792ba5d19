"""Decode with decord or OpenCV, whose frames are used only if they agree with PyAV's.

Both libraries can crash the process, read past the end of a damaged table, miscount frames, choose
a different track, or return uninitialized memory. So each runs in a separate process, and each of
its frames is compared with PyAV's frame of the same number.
"""

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tam.errors import SetupError
from tam.media.files import MediaFile
from tam.media.pixels import Matrix, Pixels, inverse, upright

PACKAGES = {"decord": ("decord", "decord"), "opencv": ("cv2", "opencv-python")}
"""Module and distribution package of each decoder."""

MEAN, BLOCK = 0.9, 12
"""Tolerated differences between two libraries' pixels in grey levels: on average, and in any block
of 4 × 4 pixels. Usually the pixels are equal or differ by rounding. A different frame differs more,
except in a clip with hardly any motion, where it is just as good."""

_LONGEST = 9.0
"""Time limit in seconds for both decodings of a short clip, including the start of the other
process. A long clip gets more, see :func:`patience`."""


def patience(spent: float) -> float:
    """Return the time limit of the other process, in seconds.

    Parameters
    ----------
    spent
        How long PyAV took for the same frames, in seconds, on a machine that may be busy.

    Examples
    --------
    >>> patience(0.5), patience(60.0)
    (8.5, 240.0)
    """
    return max(_LONGEST - spent, 4 * spent)


@dataclass(frozen=True)
class Fallback:
    """The reason why another decoder's frames are not used."""

    reason: str


def decode_like(
    backend: str,
    file: MediaFile,
    numbers: list[int],
    ours: list[Pixels],
    matrix: Matrix | None,
    spent: float,
) -> list[Pixels] | Fallback:
    """Decode frames with another library, and compare them with those of PyAV.

    Parameters
    ----------
    backend
        A key of ``PACKAGES``.
    file
        The clip; a clip in memory is decoded only by PyAV.
    numbers
        Ascending frame numbers, from 0 in display order.
    ours
        PyAV's frames, uint8 [H, W, 3] RGB as stored.
    matrix
        Their display matrix, because the library may have rotated the frames itself.
    spent
        How long PyAV took for them, in seconds.

    Returns
    -------
    Frames, uint8 [H, W, 3] RGB as stored, if all agree with PyAV's; else the reason why they are
    not used.

    Raises
    ------
    SetupError
        If the library is not installed.
    """
    theirs = _decoded(backend, file, numbers, patience(spent))
    if isinstance(theirs, Fallback):
        return theirs
    stored = []
    for number, frame, own in zip(numbers, theirs, ours, strict=True):
        turned_back = frame if matrix is None else upright(frame, inverse(matrix))
        agreeing = [each for each in (frame, turned_back) if agree(each, own)]
        if not agreeing:
            return Fallback(f"gives another picture for frame {number}")
        stored.append(agreeing[0])
    return stored


def _decoded(
    backend: str, file: MediaFile, numbers: list[int], seconds: float
) -> list[Pixels] | Fallback:
    module, package = PACKAGES[backend]
    if importlib.util.find_spec(module) is None:
        raise _missing(package, "it is not installed")
    if file.path is None:
        return Fallback("reads files only")
    task = {
        "backend": backend,
        # An absolute path is never read as an address.
        "path": os.path.abspath(file.path),  # noqa: PTH100 - symbolic links stay
        "numbers": numbers,
        "patience": seconds,
    }
    worker = Path(__file__).with_name("foreign_worker.py")
    try:
        done = subprocess.run(
            [sys.executable, str(worker), json.dumps(task)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Fallback(f"does not come to an end within {seconds:.0f} seconds")
    except OSError as error:
        return Fallback(f"cannot be started ({error.strerror})")
    if done.returncode == 3:
        raise _missing(package, done.stdout.decode("utf-8", "replace").strip())
    if done.returncode:
        return Fallback("cannot decode it" if done.returncode == 2 else "breaks down over it")
    return _frames(done.stdout, numbers)


def agree(theirs: Pixels, ours: Pixels) -> bool:
    """Whether two decoders' pixels show the same frame."""
    if theirs.shape != ours.shape:
        return False
    apart = np.abs(_blocks(theirs) - _blocks(ours))
    return bool(apart.mean() <= MEAN and apart.max() <= BLOCK)


def _blocks(pixels: Pixels) -> NDArray[np.floating]:
    """Return the means of blocks of 4 × 4 pixels, with smaller blocks at the edges."""
    rows, columns = (np.arange(0, length, 4) for length in pixels.shape[:2])
    heights, widths = np.diff([*rows, len(pixels)]), np.diff([*columns, pixels.shape[1]])
    sums = np.add.reduceat(pixels, rows, axis=0, dtype=np.float32)
    counts = np.outer(heights, widths).astype(np.float32)[:, :, None]
    return np.add.reduceat(sums, columns, axis=1) / counts


def _frames(content: bytes, numbers: list[int]) -> list[Pixels] | Fallback:
    head, _, data = content.partition(b"\n")
    try:
        shapes = json.loads(head)
        sizes = [int(np.prod(shape)) for shape in shapes]
        if len(shapes) != len(numbers) or sum(sizes) != len(data):
            raise ValueError(head)
        starts = np.cumsum([0, *sizes])
        return [
            np.frombuffer(data, np.uint8, size, int(start)).reshape(shape)
            for shape, size, start in zip(shapes, sizes, starts[:-1], strict=True)
        ]
    except (ValueError, TypeError):
        return Fallback("gives other frames")


def _missing(package: str, reason: str) -> SetupError:
    return SetupError(
        f"{package} cannot be loaded ({reason})",
        where="video",
        remedy="use the decoder pyav, or install the package",
    )
