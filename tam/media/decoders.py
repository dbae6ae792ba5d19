"""Decoding chosen frames of a clip, with PyAV, decord or OpenCV.

All three get the same frames: which ones is decided by the time stamps in the file, before any of
them decodes. decord and OpenCV count frames, so they are relied on only where PyAV, going through
the file, finds every frame that it counts; a damaged file is PyAV's alone.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tam.errors import SetupError

BACKENDS = ("pyav", "decord", "opencv")

Pixels = NDArray[np.uint8]
Frame = tuple[int, Pixels]
"""A frame's index, and its pixels uint8 [H, W, 3] RGB."""


def decode(
    path: Path, indices: list[int], stamps: NDArray[np.int64], size: tuple[int, int], backend: str
) -> dict[int, Pixels] | None:
    """Decode some frames of a clip.

    Parameters
    ----------
    path
        A file that PyAV could read the time stamps of.
    indices
        Ascending indices into ``stamps``.
    stamps
        int64 [T]: presentation time stamp of every frame of the file, ascending.
    size
        Height and width that the file gives its frames, before they are turned upright. Frames of
        another size are brought to it.
    backend
        One of ``BACKENDS``.

    Returns
    -------
    The frames by their indices, or None where the file is damaged before the last of them.

    Raises
    ------
    SetupError
        If the backend is not on this machine.
    """
    frames: dict[int, Pixels] = {}
    if backend != "pyav":
        reader = _OTHERS[backend]()
        if _counts_hold(path, stamps[: max(indices) + 1], size):
            frames = dict(reader(path, indices, _rotation(path)))
    if len(frames) < len(indices):
        damage = _Damage()
        frames = dict(_pyav(path, indices, stamps, size, damage))
        if damage.found or len(frames) < len(indices):
            return None
    return frames


@dataclass(frozen=True, eq=False)
class Survey:
    """What is left of a damaged file.

    Parameters
    ----------
    stamps
        int64 [T]: time stamps of the frames that do decode.
    patched
        How many of them the decoder patched up from others.
    threaded
        Whether they decode only where several threads work at it.
    """

    stamps: NDArray[np.int64]
    patched: int
    threaded: bool


def survey(path: Path) -> Survey:
    """Go through a whole damaged file.

    One thread patches damage up in the same way each time. Where it finds no frame at all, after a
    damaged header, several may, each of which reads the header anew.
    """
    for threaded in (False, True):
        damage = _Damage()
        frames = _pyav_frames(path, damage, threaded=threaded)
        stamps = np.unique(np.array([int(frame.pts) for frame in frames], np.int64))
        if len(stamps):
            break
    return Survey(stamps, damage.patched, threaded)


def salvage(
    path: Path, indices: list[int], found: Survey, size: tuple[int, int]
) -> dict[int, Pixels]:
    """Decode some of the frames that a survey found; see :func:`decode`."""
    frames = _pyav(path, indices, found.stamps, size, _Damage(), threaded=found.threaded)
    return dict(frames)


class _Damage:
    """What went wrong while a file was decoded.

    Attributes
    ----------
    lost
        How many times nothing came out.
    patched
        How many frames the decoder patched up from others.
    """

    def __init__(self) -> None:
        self.lost = self.patched = 0

    @property
    def found(self) -> bool:
        return self.lost + self.patched > 0


def _counts_hold(path: Path, stamps: NDArray[np.int64], size: tuple[int, int]) -> bool:
    """Whether the file's first frames are whole, and those that its time stamps announce."""
    damage, found = _Damage(), []
    for frame in _pyav_frames(path, damage):
        if frame.pts > stamps[-1]:
            break
        if (frame.height, frame.width) != size:
            return False
        found.append(int(frame.pts))
    return not damage.found and np.array_equal(found, stamps)


def _pyav(
    path: Path,
    indices: list[int],
    stamps: NDArray[np.int64],
    size: tuple[int, int],
    damage: _Damage,
    *,
    threaded: bool = True,
) -> Iterator[Frame]:
    wanted = {int(stamps[index]): index for index in indices}
    last = max(wanted, default=-1)
    for frame in _pyav_frames(path, damage, threaded=threaded):
        stamp = int(frame.pts)
        if stamp in wanted:
            pixels = frame.to_ndarray(format="rgb24", height=size[0], width=size[1])
            yield wanted.pop(stamp), _upright(pixels, frame.rotation)
        if stamp >= last and not wanted:
            return


def _pyav_frames(path: Path, damage: _Damage, *, threaded: bool = True) -> Iterator[Any]:
    import av

    with av.open(str(path), metadata_errors="replace") as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        if not threaded:
            stream.codec_context.thread_count = 1
        try:
            for packet in container.demux(stream):
                try:
                    frames = packet.decode()
                except av.error.InvalidDataError:
                    damage.lost += 1
                    continue  # what comes after a damaged packet may be whole
                for frame in frames:
                    if frame.pts is not None:
                        damage.patched += bool(frame.is_corrupt)
                        yield frame
        except av.error.FFmpegError:
            damage.lost += 1  # the container itself breaks off


_Reader = Callable[[Path, list[int], int], Iterator[Frame]]


def _decord() -> _Reader:
    try:
        import decord
    except (ImportError, OSError) as error:
        raise _missing("decord", error) from error

    def read(path: Path, indices: list[int], rotation: int) -> Iterator[Frame]:
        try:
            reader = decord.VideoReader(str(path))
            for index in indices:
                yield index, _upright(reader[index].asnumpy(), rotation)
        except (decord.DECORDError, IndexError, RuntimeError):
            return

    return read


def _opencv() -> _Reader:
    try:
        import cv2
    except (ImportError, OSError) as error:
        raise _missing("opencv-python", error) from error

    def read(path: Path, indices: list[int], rotation: int) -> Iterator[Frame]:
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

    return read


_OTHERS: dict[str, Callable[[], _Reader]] = {"decord": _decord, "opencv": _opencv}


def _rotation(path: Path) -> int:
    """Degrees by which the file says that its frames are turned."""
    return next((int(frame.rotation) for frame in _pyav_frames(path, _Damage())), 0)


def _upright(pixels: NDArray[np.uint8], rotation: int) -> NDArray[np.uint8]:
    return np.ascontiguousarray(np.rot90(pixels, round(rotation / 90) % 4))


def _missing(package: str, error: BaseException) -> SetupError:
    return SetupError(
        f"{package} cannot be loaded ({error})",
        where="video",
        remedy="use the decoder pyav, or install the package",
    )
