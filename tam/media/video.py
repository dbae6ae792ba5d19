"""Open clips: convert a video file or a folder of pictures to :class:`Media`."""

import re
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from tam.defaults import DECODER
from tam.errors import MediaError
from tam.media.animation import moving_picture
from tam.media.decoders import Contents, Decoded, decode, no_frames, read_packets, survey
from tam.media.files import MediaFile, display_name, local_file, printable
from tam.media.foreign import PACKAGES, Fallback, decode_like
from tam.media.image import open_image
from tam.media.media import Media
from tam.media.pixels import Pixels, on_white, squared, upright
from tam.media.sampling import Sampling, choose

BACKENDS = ("pyav", *PACKAGES)


def open_video(
    path: str | Path | MediaFile, sampling: Sampling | None = None, *, backend: str = DECODER
) -> Media:
    """Open a clip and sample its frames.

    Frames are identified by their number in display order; their times come from time stamps, where
    these are consistent. The container's own frame count is never used. For a damaged file, the
    frames that decode are used, and a note in the result says how many there are.

    Parameters
    ----------
    path
        A video file, an animated GIF, WebP, PNG or AVIF, or a folder of pictures, which are used in
        the order of their names at the sampling's ``fps``.
    sampling
        Which frames to use.
    backend
        ``"pyav"``, ``"decord"`` or ``"opencv"``. The frames of the last two are compared with
        PyAV's; if they differ, PyAV's are used, and a note says so.

    Returns
    -------
    Media of kind ``"video"``, upright and with square pixels; its times are in seconds from the
    clip's first frame.

    Raises
    ------
    MediaError
        If the file is missing, holds no video, or none of the requested frames decodes.
    SetupError
        If the backend is not installed.
    """
    sampling = sampling or Sampling()
    if backend not in BACKENDS:
        raise MediaError(
            f"unknown decoder {backend!r}", where="video", remedy=f"use {', '.join(BACKENDS)}"
        )
    if isinstance(path, MediaFile):
        file = path
    elif Path(path).is_dir():
        return _from_folder(Path(path), sampling)
    else:
        file = local_file(path)
    picture = moving_picture(file, sampling)
    if picture is None:
        return _from_file(file, sampling, backend)
    if backend != "pyav":
        return replace(picture, notes=(*picture.notes, f"read by Pillow, not {backend}"))
    return picture


def _from_file(file: MediaFile, sampling: Sampling, backend: str) -> Media:
    begun = time.monotonic()
    contents, numbers, frames, notes = _decoded(file, sampling)
    pixels, clear = on_white([frame.pixels for frame in frames])
    matrix = frames[0].matrix
    if any(frame.resized for frame in frames):
        notes += ("frames of another size are brought to the first one's",)
    if contents.shape.aspect != 1:
        wide, high = contents.shape.aspect.as_integer_ratio()
        notes += (f"the pixels are {wide}:{high}, not square; the frames are resized to match",)
    if clear:
        notes += ("transparent parts are shown white",)
    if backend != "pyav":
        theirs: list[Pixels] | Fallback = Fallback("is not used for a damaged file")
        if not contents.damaged:
            spent = time.monotonic() - begun
            theirs = decode_like(backend, file, numbers, pixels, matrix, spent)
        if isinstance(theirs, Fallback):
            notes += (f"{backend} {theirs.reason}; the frames are PyAV's",)
        else:
            pixels = theirs
    shown = [upright(squared(each, contents.shape), matrix) for each in pixels]
    return Media(np.stack(shown), contents.times[numbers], file.name, "video", notes)


def _decoded(
    file: MediaFile, sampling: Sampling
) -> tuple[Contents, list[int], list[Decoded], tuple[str, ...]]:
    """Return a clip's contents, the numbers of the sampled frames, these frames, and notes."""
    contents = read_packets(file)
    if contents is not None:
        numbers, notes = _chosen(contents, sampling, file)
        decoded = decode(file, numbers, contents)
        if decoded is not None:
            notes = (*contents.notes, *notes, *_damage(contents))
            return contents, numbers, [decoded[number] for number in numbers], notes
    contents = survey(file)
    numbers, notes = _chosen(contents, sampling, file)
    decoded = decode(file, numbers, contents) or {}
    numbers = [number for number in numbers if number in decoded]
    if not numbers:
        raise no_frames(file)
    notes = (*contents.notes, *notes, *_damage(contents))
    return contents, numbers, [decoded[number] for number in numbers], notes


def _chosen(
    contents: Contents, sampling: Sampling, file: MediaFile
) -> tuple[list[int], tuple[str, ...]]:
    size = contents.shape.shown(contents.height, contents.width)
    return choose(contents.times, size, sampling, file.where)


def _damage(contents: Contents) -> tuple[str, ...]:
    """Return notes on a file that is damaged or truncated."""
    found = len(contents.times)
    announced = max(contents.packets if contents.damaged else 0, contents.lasting, found)
    if found == announced and not contents.patched:
        return (f"the file breaks off after {found} frames",) if contents.broken else ()
    more = f", {contents.patched} of them damaged" if contents.patched else ""
    return (f"decoded {found} of {announced} frames{more}",)


def _from_folder(folder: Path, sampling: Sampling) -> Media:
    name = display_name(str(folder))
    try:
        inside = [file for file in folder.iterdir() if file.is_file()]
    except OSError as error:
        raise MediaError(
            f"the folder cannot be read ({error.strerror})",
            where=printable(str(folder)),
            remedy="change its permissions",
        ) from error
    files = sorted(
        (file for file in inside if not file.name.startswith(".")),
        key=lambda file: [
            (int(part), "") if part.isdecimal() else (-1, part)
            for part in re.split(r"(\d+)", file.name)
        ],
    )
    if not files:
        raise MediaError(
            "the folder is empty", where=printable(str(folder)), remedy="give a folder of pictures"
        )
    first = open_image(files[0])
    times = np.arange(len(files)) / sampling.fps
    chosen, notes = choose(times, (first.height, first.width), sampling, name)
    pictures = [open_image(files[number]) for number in chosen]
    for picture in pictures:
        if picture.frames.shape != first.frames.shape:
            raise MediaError(
                f"is {picture.width} × {picture.height} where the first is "
                f"{first.width} × {first.height}",
                where=f"{name}/{picture.name}",
                remedy="give frames of one size",
            )
    frames = np.concatenate([picture.frames for picture in pictures])
    told = dict.fromkeys(note for picture in pictures for note in picture.notes)
    return Media(frames, times[chosen], name, "video", (*notes, *told))
