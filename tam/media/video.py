"""Opening clips: a video file or a folder of pictures becomes a :class:`Media`."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tam.defaults import DECODER, FPS, MAX_FRAMES
from tam.errors import MediaError
from tam.media.decoders import BACKENDS, decode, salvage, survey
from tam.media.image import MAX_PIXELS, open_image
from tam.media.media import Media


@dataclass(frozen=True)
class Sampling:
    """Which frames of a clip are taken.

    Parameters
    ----------
    fps
        Frames a second.
    num_frames
        This many, evenly spread; in the place of ``fps``.
    start, end
        Seconds from the clip's first frame; without ``end`` to the last.
    max_frames, max_pixels
        Budget: with more, fewer frames are taken, evenly spread, and a note says so.

    Raises
    ------
    MediaError
        If a number makes no sense.
    """

    fps: float = FPS
    num_frames: int | None = None
    start: float = 0.0
    end: float | None = None
    max_frames: int = MAX_FRAMES
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        wrong = {
            "fps": not self.fps > 0,
            "num_frames": self.num_frames is not None and self.num_frames < 1,
            "start": not self.start >= 0,
            "end": self.end is not None and not self.end > self.start,
            "max_frames": self.max_frames < 1,
        }
        for name in (name for name, bad in wrong.items() if bad):
            raise MediaError(
                f"{getattr(self, name)} is not possible",
                where=name,
                remedy="use positive numbers, and an end after the start",
            )


def open_video(
    path: str | Path, sampling: Sampling | None = None, *, backend: str = DECODER
) -> Media:
    """Open a clip and take some of its frames, by their time stamps.

    The container's own frame count is never relied on. Of a damaged file the frames that decode are
    used, and a note in the result says how many they were.

    Parameters
    ----------
    path
        A video file, or a folder of pictures, which are taken in the order of their names at
        ``fps`` of the sampling.
    sampling
        Which frames.
    backend
        ``"pyav"``, ``"decord"`` or ``"opencv"``; all give the same frames.

    Returns
    -------
    Media of kind ``"video"``; its times are seconds from the clip's first frame.

    Raises
    ------
    MediaError
        If the file is missing, holds no video, or none of the wanted frames decodes.
    SetupError
        If the backend is not on this machine.
    """
    path, sampling = Path(path), sampling or Sampling()
    if backend not in BACKENDS:
        raise MediaError(
            f"unknown decoder {backend!r}", where="video", remedy=f"use {', '.join(BACKENDS)}"
        )
    if path.is_dir():
        return _from_folder(path, sampling)
    index = _index(path)
    chosen, notes = _choose(index, sampling, path.name)
    size = index.height, index.width
    frames = decode(path, chosen, index.stamps, size, backend)
    patched = 0
    if frames is None:
        left = survey(path)
        index, patched = replace(index, stamps=left.stamps), left.patched
        chosen, notes = _choose(index, sampling, path.name)
        frames = salvage(path, chosen, left, size)
        chosen = [number for number in chosen if number in frames]
    return Media(
        frames=np.stack([frames[i] for i in chosen]),
        times=index.times[chosen],
        name=path.name,
        kind="video",
        notes=(*notes, *_damage(index, patched)),
    )


@dataclass(frozen=True, eq=False)
class _Index:
    """What a file says of its frames.

    Parameters
    ----------
    stamps
        int64 [T]: their time stamps.
    unit
        Seconds in one unit of them.
    height, width
        Their size.
    announced
        How many there should be. A file that breaks off has fewer.
    """

    stamps: NDArray[np.int64]
    unit: float
    height: int
    width: int
    announced: int = 0

    @property
    def times(self) -> NDArray[np.float64]:
        times: NDArray[np.float64] = (self.stamps - self.stamps[0]) * self.unit
        return times


def _index(path: Path) -> _Index:
    """Read the time stamps of all frames without decoding them."""
    import av

    if not path.is_file():
        raise MediaError("no such file", where=str(path), remedy="check the path")
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            if not container.streams.video:
                raise MediaError("holds no video", where=str(path), remedy="give a video file")
            stream = container.streams.video[0]
            size = stream.codec_context.height, stream.codec_context.width
            unit = float(stream.time_base or 1)
            stamps = _stamps(container.demux(stream))
            announced = max(len(stamps), _announced(container, stream, stamps))
    except av.error.FFmpegError as error:
        raise MediaError(
            f"is no readable video ({error.strerror})",
            where=str(path),
            remedy="get the file again, or convert it to MP4 (H.264)",
        ) from error
    if not len(stamps):
        raise MediaError("has no frames", where=str(path), remedy="get the file again")
    if size[0] * size[1] > MAX_PIXELS:
        raise MediaError(
            f"frames of {size[1]} × {size[0]} pixels are too large",
            where=str(path),
            remedy="make the clip smaller",
        )
    return _Index(stamps, unit, *size, announced)


def _announced(container: Any, stream: Any, stamps: NDArray[np.int64]) -> int:
    """How many frames a file lasts for that ends before it should, else 0.

    Its own count is not relied on: only a file that is shorter than it says has lost frames.
    """
    if len(stamps) < 2:
        return int(stream.frames)
    unit = float(stream.time_base or 1)
    step = float(np.median(np.diff(stamps))) * unit
    found = float(stamps[-1] - stamps[0]) * unit + step
    if stream.duration is not None:
        lasts = stream.duration * unit
    elif container.duration is not None and len(container.streams) == 1:
        lasts = container.duration / 1e6
    else:
        return 0
    if lasts - found <= max(3 * step, 0.02 * lasts):
        return 0
    return int(stream.frames) or round(lasts / step)


def _damage(index: _Index, patched: int) -> tuple[str, ...]:
    """What to note about a file that did not decode as it should."""
    found = len(index.stamps)
    if found == index.announced and not patched:
        return ()
    more = f", {patched} of them damaged" if patched else ""
    return (f"decoded {found} of {index.announced} frames{more}",)


def _stamps(packets: Iterable[Any]) -> NDArray[np.int64]:
    import av

    stamps = []
    try:
        for packet in packets:
            if packet.pts is not None and not packet.is_discard:
                stamps.append(int(packet.pts))
    except av.error.FFmpegError:
        pass  # the file breaks off here; what came before counts
    return np.unique(np.array(stamps, np.int64))


def _choose(index: _Index, sampling: Sampling, name: str) -> tuple[list[int], tuple[str, ...]]:
    """Indices of the frames on show at evenly spaced times, and what to note about them."""
    if not len(index.stamps):
        raise MediaError("no frame can be decoded", where=name, remedy="get the file again")
    times = index.times
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    end = times[-1] + step if sampling.end is None else min(sampling.end, times[-1] + step)
    span = end - sampling.start
    if sampling.start > times[-1]:
        raise MediaError(
            f"begins at {sampling.start:g} s but lasts {times[-1] + step:.2f} s",
            where=name,
            remedy="choose an earlier --start",
        )
    # A clip of 2.0 seconds may be a hair longer in its time stamps.
    asked = sampling.num_frames or max(1, math.ceil(span * sampling.fps - 1e-3))
    room = sampling.max_pixels // max(1, index.height * index.width)
    count = max(1, min(asked, sampling.max_frames, room))
    gap = 1 / sampling.fps if sampling.num_frames is None and count == asked else span / count
    shown = sampling.start + np.arange(count) * gap
    chosen = np.unique(np.searchsorted(times, shown + 1e-6, side="right") - 1)
    budget = f"{sampling.max_frames} frames"
    if room < sampling.max_frames:
        budget = f"{sampling.max_pixels / 1e6:g} megapixels"
    notes = (f"{count} of {asked} frames taken, within the budget of {budget}",)
    return np.maximum(chosen, 0).tolist(), notes if count < asked else ()


def _from_folder(folder: Path, sampling: Sampling) -> Media:
    files = sorted(
        (file for file in folder.iterdir() if file.is_file() and not file.name.startswith(".")),
        key=lambda file: [int(p) if p.isdigit() else p for p in re.split(r"(\d+)", file.name)],
    )
    if not files:
        raise MediaError(
            "the folder is empty", where=str(folder), remedy="give a folder of pictures"
        )
    first = open_image(files[0])
    index = _Index(np.arange(len(files)), 1 / sampling.fps, first.height, first.width, len(files))
    chosen, notes = _choose(index, sampling, folder.name)
    pictures = [open_image(files[i]) for i in chosen]
    for picture in pictures:
        if picture.frames.shape != first.frames.shape:
            raise MediaError(
                f"is {picture.width} × {picture.height} where the first is "
                f"{first.width} × {first.height}",
                where=f"{folder.name}/{picture.name}",
                remedy="give frames of one size",
            )
    frames = np.concatenate([picture.frames for picture in pictures])
    return Media(frames, index.times[chosen], folder.name, "video", notes)
