"""Animated pictures as clips: GIF, WebP, PNG and AVIF, read by Pillow."""

import warnings

import numpy as np
from PIL import Image

from tam.errors import MediaError
from tam.media.container import many_pictures
from tam.media.files import MediaFile
from tam.media.image import ANIMATIONS, MAX_PIXELS, check_size, damaged, identified
from tam.media.media import Media
from tam.media.raster import rgb_pixels
from tam.media.sampling import Sampling, choose

MAX_ANIMATION = 2_000_000_000
"""The maximum number of pixels in all frames, which must all be decoded to get their times."""

_SHORTEST, _USUAL = 0.011, 0.1
"""Durations in seconds: like browsers, show a frame of at most 10 ms for 100 ms."""


def is_moving(image: Image.Image) -> bool:
    """Whether an opened picture is an animation, as opposed to pages or views of one picture."""
    if image.format not in ANIMATIONS:
        return False
    try:
        return bool(getattr(image, "is_animated", False))
    except Exception:
        return True  # Pillow found a second frame, but it is damaged


def is_stack(image: Image.Image) -> bool:
    """Whether an opened picture is a TIFF of several pages."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return image.format == "TIFF" and getattr(image, "n_frames", 1) > 1
        except Exception:
            return False  # a later page is damaged: show only the first, with a note


def moving_picture(file: MediaFile, sampling: Sampling) -> Media | None:
    """Open a picture as a clip: the frames of an animation, or one frame of a still picture.

    Returns
    -------
    The clip, or None for a file that Pillow does not recognize or that holds many JPEG pictures.

    Raises
    ------
    MediaError
        If it is damaged or too large.
    """
    with file.opened() as stream, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = identified(stream, file.where)
        if image is None:
            return None
        with image:
            if image.format == "JPEG" and many_pictures(stream):
                return None
            check_size(image.width, image.height, file.where, MAX_PIXELS)
            try:
                return _clip(image, file, sampling)
            except (MediaError, MemoryError):
                raise
            except Exception as error:
                raise damaged(error, file.where) from error


def _clip(image: Image.Image, file: MediaFile, sampling: Sampling) -> Media:
    if not is_moving(image):
        pixels, _ = rgb_pixels(image, file.where)
        told = "one picture, shown as a clip of one frame"
        return Media(pixels[None], np.zeros(1), file.name, "video", (told,))
    # A PNG may begin with a picture for programs that do not support animation.
    first = int(bool(getattr(image, "default_image", False)))
    count = int(getattr(image, "n_frames", 1))
    if count * image.width * image.height > MAX_ANIMATION:
        raise MediaError(
            f"{count} frames of {image.width} × {image.height} pixels are too many",
            where=file.where,
            remedy="convert it to MP4 (H.264)",
        )
    durations = []
    for number in range(first, count):
        image.seek(number)
        image.load()
        durations.append(float(image.info.get("duration") or 0) / 1000)
    held = [_USUAL if duration < _SHORTEST else duration for duration in durations]
    ends = np.cumsum(held)
    times = np.concatenate([[0.0], ends[:-1]])
    size = image.height, image.width
    chosen, notes = choose(times, size, sampling, file.where, lasts=float(ends[-1]))
    frames, seen = [], False
    for number in chosen:
        image.seek(first + number)
        pixels, clear = rgb_pixels(image, file.where)
        seen |= clear
        frames.append(pixels)
    if seen:
        notes += ("transparent parts are shown white",)
    return Media(np.stack(frames), times[chosen], file.name, "video", notes)
