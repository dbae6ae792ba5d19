"""Decode chosen frames of a clip with PyAV, the reference for all other decoders.

A frame is identified by its number in the order in which the decoder returns frames, which is
display order. Time stamps are first read from the packets, without decoding; they are used only if
the decoded frames carry the same stamps in the same order.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tam.errors import MediaError
from tam.media.container import (
    failures,
    is_broadcast,
    moving_tracks,
    opened_track,
    pixel_shape,
    rate_of,
    stamp_field,
    unreadable,
)
from tam.media.files import MediaFile
from tam.media.joined import unread_recordings
from tam.media.pixels import Matrix, Pixels, Shape, pixels_of
from tam.media.stamps import JUMP, ascending, far_apart, frame_times, too_dense


@dataclass(frozen=True, eq=False)
class Contents:
    """What is known about a clip's frames.

    Parameters
    ----------
    times
        float64 [T]: times of the frames in seconds from the first, ascending.
    height, width
        Stored size of a frame, before it is turned upright and its pixels are made square.
    shape
        The shape of the stored pixels.
    notes
        Notes on the time stamps and tracks.
    packets
        The number of packets that contain a frame or part of one.
    lasting
        The number of frames that a truncated file should have, by its stated duration; 0 if the
        file is complete.
    stamps
        int64 [T]: the frames' time stamps, if they were read only from the packets and have yet to
        be confirmed by the decoded frames; else None.
    patched
        The number of frames that the decoder repaired by using others.
    damaged
        Whether part of the file does not decode.
    broken
        Whether the container itself is damaged before its end.
    threaded
        Whether the frames decode only if several threads are used.
    """

    times: NDArray[np.float64]
    height: int
    width: int
    shape: Shape
    notes: tuple[str, ...]
    packets: int
    lasting: int
    stamps: NDArray[np.int64] | None = None
    patched: int = 0
    damaged: bool = False
    broken: bool = False
    threaded: bool = True


@dataclass(frozen=True, eq=False)
class Decoded:
    """One frame as it is stored in the file.

    Parameters
    ----------
    pixels
        uint8 [H, W, 3], or [H, W, 4] for a format with transparency.
    matrix
        The frame's display matrix, or None.
    resized
        Whether the frame's size differed from the clip's.
    """

    pixels: Pixels
    matrix: Matrix | None
    resized: bool


def read_packets(file: MediaFile) -> Contents | None:
    """Read the packets of a clip without decoding them.

    Returns
    -------
    The contents, or None if time stamps are missing, repeat or jump, in which case the frames
    must be decoded.

    Raises
    ------
    MediaError
        If the file is missing, holds no video, or FFmpeg cannot read it.
    """
    try:
        with opened_track(file) as (container, stream):
            if stamp_field(container, stream) != "pts":
                return None
            packets, broken, end = _kept(container.demux(stream))
            stamps = np.unique(np.array([p for p in packets if p is not None], np.int64))
            unit = float(stream.time_base or 1)
            size = stream.codec_context.height, stream.codec_context.width
            if not all(size) or not len(stamps) or len(stamps) < len(packets):
                return None
            jumps = is_broadcast(container) and (np.diff(stamps) * unit > JUMP).any()
            if jumps or too_dense(stamps * unit) or far_apart(stamps * unit):
                return None
            return Contents(
                times=(stamps - stamps[0]) * unit,
                height=size[0],
                width=size[1],
                shape=Shape(pixel_shape(stream)),
                notes=(*_track_notes(container), *unread_recordings(file, end)),
                packets=len(packets),
                lasting=_lasting(container, stream, stamps),
                stamps=stamps,
                broken=broken,
            )
    except failures() as error:
        raise unreadable(file, error) from error


def survey(file: MediaFile) -> Contents:
    """Decode a whole file to find its frames and their times.

    A single thread is used, because it repairs damage reproducibly. If it finds no frame at all
    after a damaged header, several threads are tried, because each reads the header again.

    Raises
    ------
    MediaError
        If no frame decodes.
    """
    for threaded in (False, True):
        damage = _Damage()
        stamps: list[int | None] = []
        with opened_track(file) as (container, stream):
            size = stream.codec_context.height, stream.codec_context.width
            field = stamp_field(container, stream)
            for frame in _frames(container, stream, damage, threaded=threaded):
                stamps.append(getattr(frame, field) if field else None)
                size = size if all(size) else (frame.height, frame.width)
            if not stamps:
                continue
            if field == "dts":
                _count_on(stamps)
            unit = float(stream.time_base or 1)
            joins = is_broadcast(container)
            times, notes = frame_times(stamps, unit, rate_of(stream), joins=joins)
            known = np.array([stamp for stamp in stamps if stamp is not None], np.int64)
            trusted = len(known) == len(stamps) and ascending(known)
            return Contents(
                times=times,
                height=size[0],
                width=size[1],
                shape=Shape(pixel_shape(stream)),
                notes=(*_track_notes(container), *notes, *unread_recordings(file, damage.end)),
                packets=damage.packets,
                lasting=_lasting(container, stream, known) if trusted else 0,
                patched=damage.patched,
                damaged=damage.lost + damage.patched > 0,
                broken=damage.broken,
                threaded=threaded,
            )
    raise no_frames(file)


def _count_on(stamps: list[int | None]) -> None:
    """Fill in the stamps of the last frames, which are returned after the last packet."""
    for number in range(len(stamps) - 1, 0, -1):
        if stamps[number - 1] is not None:
            break
    else:
        return
    for later in range(number, len(stamps)):
        previous = stamps[later - 1]
        if stamps[later] is None and previous is not None:
            stamps[later] = previous + 1


def no_frames(file: MediaFile) -> MediaError:
    """Return the error for a clip of which no frame decodes."""
    return MediaError("no frame can be decoded", where=file.where, remedy="get the file again")


def decode(file: MediaFile, numbers: list[int], contents: Contents) -> dict[int, Decoded] | None:
    """Decode chosen frames of a clip.

    Parameters
    ----------
    file
        The clip.
    numbers
        Ascending frame numbers, from 0 in display order.
    contents
        The result of :func:`read_packets` or :func:`survey`.

    Returns
    -------
    The frames by their numbers, or None if they do not match the packets, in which case the file
    must be surveyed.
    """
    wanted, found, damage = set(numbers), dict[int, Decoded](), _Damage()
    with opened_track(file) as (container, stream):
        frames = _frames(container, stream, damage, threaded=contents.threaded)
        for number, frame in enumerate(frames):
            if contents.stamps is not None and (
                damage.lost
                or damage.patched
                or number >= len(contents.stamps)
                or frame.pts != contents.stamps[number]
            ):
                return None
            if number in wanted:
                size = contents.height, contents.width
                pixels, matrix = pixels_of(frame, size)
                found[number] = Decoded(pixels, matrix, (frame.height, frame.width) != size)
                if len(found) == len(wanted):
                    return found
    return None if contents.stamps is not None else found


class _Damage:
    """The damage found while decoding a file.

    Attributes
    ----------
    packets
        The number of packets that were not empty.
    lost
        The number of times for which no frame was returned.
    patched
        The number of frames that the decoder repaired by using others.
    broken
        Whether the container itself ends early.
    end
        The offset just after the last decoded packet; 0 if packets have no positions.
    """

    def __init__(self) -> None:
        self.packets = self.lost = self.patched = self.end = 0
        self.broken = False


def _frames(container: Any, stream: Any, damage: _Damage, *, threaded: bool) -> Iterator[Any]:
    context = _with_alpha(stream) or stream.codec_context
    context.thread_type = "AUTO"
    if not threaded:
        context.thread_count = 1
    broken = failures()
    try:
        for packet in container.demux(stream):
            damage.packets += packet.size > 0
            try:
                frames = context.decode(packet)
            except broken:
                damage.lost += 1
                continue  # later packets may be intact
            damage.end = max(damage.end, _end_of(packet))
            for frame in frames:
                damage.patched += bool(frame.is_corrupt)
                yield frame
    except broken:
        damage.lost += 1
        damage.broken = True


def _with_alpha(stream: Any) -> Any:
    """Return a decoder that keeps the transparency of WebM, which FFmpeg's default one ignores."""
    import av

    library = {"vp8": "libvpx", "vp9": "libvpx-vp9"}.get(stream.codec_context.name)
    if library is None or stream.metadata.get("alpha_mode") != "1":
        return None
    try:
        return av.CodecContext.create(library, "r")
    except (av.error.FFmpegError, ValueError):
        return None


def _kept(packets: Iterable[Any]) -> tuple[list[int | None], bool, int]:
    """Return the stamp of each packet with a displayed frame, whether reading failed, and the end.

    The end is the offset just after the last packet, or 0 if packets have no positions.
    """
    stamps: list[int | None] = []
    end = 0
    try:
        for packet in packets:
            end = max(end, _end_of(packet))
            if packet.size and not packet.is_discard:
                stamps.append(None if packet.pts is None else int(packet.pts))
    except failures():
        return stamps, True, end  # keep what was read before the failure
    return stamps, False, end


def _end_of(packet: Any) -> int:
    """Return the offset just after a packet; 0 if its position is not known."""
    return 0 if packet.pos is None or packet.pos < 0 else int(packet.pos + packet.size)


def _track_notes(container: Any) -> tuple[str, ...]:
    tracks = len(moving_tracks(container))
    return () if tracks < 2 else (f"one of {tracks} video tracks is shown",)


def _lasting(container: Any, stream: Any, stamps: NDArray[np.int64]) -> int:
    """Return the number of frames that a truncated file should have; 0 for a complete file.

    Truncation is judged by the duration that the file states, not by its frame count.
    """
    unit = float(stream.time_base or 1)
    if not len(stamps):
        return 0
    step = float(np.median(np.diff(stamps))) * unit if len(stamps) > 1 else 1 / rate_of(stream)
    found = float(stamps[-1] - stamps[0]) * unit + step
    if stream.duration is not None:
        lasts = stream.duration * unit
    elif container.duration is not None and len(container.streams) == 1:
        lasts = container.duration / 1e6
    else:
        return 0
    if lasts - found <= max(3 * step, 0.02 * lasts):
        return 0
    # A damaged header may state any number of frames.
    by_time = round(lasts / step)
    return int(stream.frames) if 0 < stream.frames <= 2 * by_time else by_time
