"""Decoding chosen frames of a clip, with PyAV, decord or OpenCV.

All three get the same frames: which ones is decided by the time stamps in the file, before any of
them decodes. Each decoder gives the frames in order and ends early where the file is damaged.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tam.errors import SetupError

BACKENDS = ("pyav", "decord", "opencv")

Frame = tuple[int, NDArray[np.uint8]]
"""A frame's index, and its pixels uint8 [H, W, 3] RGB."""


def decode(
    path: Path, indices: list[int], stamps: NDArray[np.int64], backend: str
) -> Iterator[Frame]:
    """Decode some frames of a clip.

    Parameters
    ----------
    path
        A file that PyAV could read the time stamps of.
    indices
        Ascending indices into ``stamps``.
    stamps
        int64 [T]: presentation time stamp of every frame of the file, ascending.
    backend
        One of ``BACKENDS``.

    Raises
    ------
    SetupError
        If the backend is not on this machine.
    """
    return {"pyav": _pyav, "decord": _decord, "opencv": _opencv}[backend](path, indices, stamps)


def decodable(path: Path) -> NDArray[np.int64]:
    """int64 [T]: time stamps of the frames that do decode; goes through the whole file."""
    return np.unique(np.array([int(frame.pts) for frame in _pyav_frames(path)], np.int64))


def _pyav(path: Path, indices: list[int], stamps: NDArray[np.int64]) -> Iterator[Frame]:
    wanted = {int(stamps[index]): index for index in indices}
    last = max(wanted, default=-1)
    for frame in _pyav_frames(path):
        stamp = int(frame.pts)
        if stamp in wanted:
            yield wanted.pop(stamp), _upright(frame.to_ndarray(format="rgb24"), frame.rotation)
        if stamp >= last and not wanted:
            return


def _pyav_frames(path: Path) -> Iterator[Any]:
    import av

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        try:
            for packet in container.demux(stream):
                try:
                    frames = packet.decode()
                except av.error.InvalidDataError:
                    continue  # what comes after a damaged packet may be whole
                yield from (frame for frame in frames if frame.pts is not None)
        except av.error.FFmpegError:
            return  # the container itself breaks off


def _decord(path: Path, indices: list[int], _stamps: NDArray[np.int64]) -> Iterator[Frame]:
    try:
        import decord
    except (ImportError, OSError) as error:
        raise _missing("decord", error) from error
    rotation = _rotation(path)
    try:
        reader = decord.VideoReader(str(path))
        for index in indices:
            yield index, _upright(reader[index].asnumpy(), rotation)
    except (decord.DECORDError, IndexError):
        return


def _opencv(path: Path, indices: list[int], _stamps: NDArray[np.int64]) -> Iterator[Frame]:
    try:
        import cv2
    except (ImportError, OSError) as error:
        raise _missing("opencv-python", error) from error
    rotation = _rotation(path)
    reader = cv2.VideoCapture(str(path))
    reader.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)
    wanted = set(indices)
    try:
        for index in range(max(indices) + 1):
            if not reader.grab():
                return
            if index in wanted:
                whole, pixels = reader.retrieve()
                if whole:
                    yield index, _upright(np.ascontiguousarray(pixels[:, :, ::-1]), rotation)
    finally:
        reader.release()


def _rotation(path: Path) -> int:
    """Degrees by which the file says that its frames are turned."""
    return next((int(frame.rotation) for frame in _pyav_frames(path)), 0)


def _upright(pixels: NDArray[np.uint8], rotation: int) -> NDArray[np.uint8]:
    return np.ascontiguousarray(np.rot90(pixels, round(rotation / 90) % 4))


def _missing(package: str, error: BaseException) -> SetupError:
    return SetupError(
        f"{package} cannot be loaded ({error})",
        where="video",
        remedy="use the decoder pyav, or install the package",
    )
