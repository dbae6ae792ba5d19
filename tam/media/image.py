"""Open pictures: convert files, addresses, PIL images and arrays to :class:`Media`."""

import re
import warnings
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from tam.errors import MediaError
from tam.media.fetch import fetch
from tam.media.files import MediaFile, display_name, local_file, printable
from tam.media.jpeg import stripped_jpeg
from tam.media.media import SCENE_MARK, Encoded, Media
from tam.media.raster import orientation, rgb_pixels

Source = str | Path | Image.Image | NDArray[np.uint8] | Media
"""The accepted types of a picture."""

MAX_PIXELS = 100_000_000
MAX_ASPECT = 200
"""The largest aspect ratio; processors that preserve it, such as Qwen2-VL's, refuse more."""

# Raster formats that Pillow decodes itself. Others run a program (EPS) or are rarely pictures.
_FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "TIFF", "WEBP")
_COMMON = ("BMP", "GIF", "JPEG", "PNG", "PPM")
_ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.-]+://|data:)", re.IGNORECASE)
_JPEG = ("JPEG", "MPO")
ANIMATIONS = ("AVIF", "GIF", "PNG", "WEBP")
"""Formats in which several frames are an animation, not pages or views of one picture."""


def open_image(source: Source, *, allow_urls: bool = False, max_pixels: int = MAX_PIXELS) -> Media:
    """Open one picture as upright 8-bit RGB.

    EXIF orientation is applied. Transparent parts become white. 16-bit values are scaled to 8 bits.
    For an animated or multi-page file the first frame is used, and a note says so.

    Parameters
    ----------
    source
        A path; an http(s) address if ``allow_urls``; a PIL image (its current frame); a uint8 array
        [H, W], [H, W, 3] (RGB) or [H, W, 4] (RGBA); or a Media, which is returned unchanged.
    allow_urls
        Whether to fetch addresses; otherwise they are refused.
    max_pixels
        The largest number of pixels, checked against the header before decoding. Pillow's own
        limit, twice ``PIL.Image.MAX_IMAGE_PIXELS``, applies as well.

    Raises
    ------
    MediaError
        If the source is missing, unreadable, empty, damaged, too large, not a picture, has an
        aspect ratio above 200:1, is an address that is not allowed, or has an unsupported type or
        mode.

    Examples
    --------
    >>> open_image(np.zeros((2, 3), np.uint8)).frames.shape
    (1, 2, 3, 3)
    """
    if isinstance(source, Media):
        check_size(source.width, source.height, source.name, max_pixels)
        return source
    if isinstance(source, np.ndarray):
        return _from_array(source, max_pixels)
    if isinstance(source, Image.Image):
        name = display_name(str(getattr(source, "filename", "") or "image"))
        return _from_image(source, name, name, max_pixels)
    if not isinstance(source, str | Path):
        raise MediaError(
            f"{type(source).__name__} is not a picture",
            where="image",
            remedy="give a path, a PIL image, a uint8 array [H, W, 3] or a Media",
        )
    file = media_file(source, allow_urls=allow_urls)
    with file.opened() as stream:
        return open_picture(file, stream, max_pixels)


def media_file(source: str | Path, *, allow_urls: bool) -> MediaFile:
    """Return a handle to the file at a path or an address; an address is fetched.

    A path that exists is treated as a file, even if it looks like an address.

    Raises
    ------
    MediaError
        If the address is not allowed or cannot be fetched.
    """
    if isinstance(source, str) and _ADDRESS.match(source) and not _exists(source):
        where, name, content = fetch(source, allowed=allow_urls)
        return MediaFile(where, display_name(name), None, content)
    return local_file(source)


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False


def open_picture(file: MediaFile, stream: BinaryIO, max_pixels: int = MAX_PIXELS) -> Media:
    """Open the picture in an open file.

    Raises
    ------
    MediaError
        As in :func:`open_image`.
    """
    image = identified(stream, file.where)
    if image is None:
        raise MediaError(
            "is not a picture in a known format",
            where=file.where,
            remedy=f"convert it to PNG or JPEG (read are {', '.join(_formats())})",
        )
    with image:
        plain = image.format in _JPEG and image.mode in ("RGB", "L")
        media = _from_image(image, file.where, file.name, max_pixels)
        kept = _jpeg(stream, image) if plain else None
        # Counting pictures makes Pillow read the whole file, so the first one is decoded before.
        return replace(
            media,
            notes=_first_of(image),
            encoded=Encoded(kept, media.frames) if kept else None,
            drawn=image.info.get("Comment") == SCENE_MARK,
        )


def _jpeg(stream: BinaryIO, image: Image.Image) -> bytes | None:
    """Return a JPEG's bytes without metadata; None for damage that Pillow tolerates."""
    stream.seek(0)
    with suppress(ValueError):
        return stripped_jpeg(stream.read(), orientation(image))
    return None


def identified(stream: BinaryIO, where: str) -> Image.Image | None:
    """Identify a picture by its content with Pillow, without decoding it.

    Returns
    -------
    The picture, or None if Pillow does not recognize the format.

    Raises
    ------
    MediaError
        If its header is damaged or states too many pixels.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _opened(stream)
        except Image.DecompressionBombError as error:
            raise _too_large("more pixels than Pillow accepts", where) from error
        except MemoryError:
            raise
        except UnidentifiedImageError:
            return None
        except Exception as error:
            raise damaged(error, where) from error


def _opened(stream: BinaryIO) -> Image.Image:
    """Open a picture with Pillow's common plugins, and only then try all others."""
    try:
        return Image.open(stream, formats=_COMMON)
    except UnidentifiedImageError:
        return Image.open(stream, formats=[name for name in _formats() if name not in _COMMON])


def _formats() -> list[str]:
    Image.init()
    return [name for name in _FORMATS if name in Image.OPEN]


def _first_of(image: Image.Image) -> tuple[str, ...]:
    """Return the note on a file with more than one picture, if it is one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if not getattr(image, "is_animated", False):
                return ()
            count = int(getattr(image, "n_frames", 1))
        except Exception:
            return ("the first picture of the file is shown; a later one is damaged",)
    kind = "frames" if image.format in ANIMATIONS else "pictures"
    return (f"the first of {count} {kind} is shown",) if count > 1 else ()


def _from_image(image: Image.Image, where: str, name: str, max_pixels: int) -> Media:
    check_size(image.width, image.height, where, max_pixels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            pixels, _ = rgb_pixels(image, where)
        except (MediaError, MemoryError):
            raise
        except Exception as error:
            raise damaged(error, where) from error
    return Media(frames=pixels[None], times=np.zeros(1), name=name)


def _from_array(pixels: NDArray[np.uint8], max_pixels: int) -> Media:
    shape = pixels.shape
    known = len(shape) == 2 or (len(shape) == 3 and shape[2] in (3, 4))
    if pixels.dtype != np.uint8 or not known:
        raise MediaError(
            f"the array is {pixels.dtype} {list(shape)}",
            where="image",
            remedy="give uint8 [H, W], [H, W, 3] or [H, W, 4] with values from 0 to 255",
        )
    check_size(shape[1], shape[0], "image", max_pixels)
    return _from_image(Image.fromarray(np.ascontiguousarray(pixels)), "image", "image", max_pixels)


def check_size(width: int, height: int, where: str, max_pixels: int) -> None:
    """Refuse a picture that is empty, too large or too elongated.

    Raises
    ------
    MediaError
        If it is any of these. The message says which.
    """
    if width < 1 or height < 1:
        raise MediaError(
            f"the picture has no pixels ({width} × {height})",
            where=where,
            remedy="give another picture",
        )
    if width * height > max_pixels:
        raise _too_large(f"{width} × {height} pixels, more than {max_pixels:,}", where)
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise MediaError(
            f"{width} × {height} pixels is too long and thin",
            where=where,
            remedy=f"cut it: its longer side may be at most {MAX_ASPECT} times the shorter one",
        )


def _too_large(what: str, where: str) -> MediaError:
    return MediaError(
        what, where=where, remedy="make the picture smaller, or raise max_pixels of tam.open_image"
    )


def damaged(error: Exception, where: str) -> MediaError:
    """Return the error for a picture that does not decode."""
    reason = str(error).rstrip(".") or type(error).__name__
    return MediaError(
        f"the picture is damaged or incomplete ({printable(reason)})",
        where=where,
        remedy="get the file again, or convert it to PNG",
    )
