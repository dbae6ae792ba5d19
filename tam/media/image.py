"""Opening pictures: files, addresses, PIL images and arrays become :class:`Media`."""

import re
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from tam.errors import MediaError
from tam.media.fetch import fetch
from tam.media.media import Media

Source = str | Path | Image.Image | NDArray[np.uint8] | Media
"""What a picture can be given as."""

MAX_PIXELS = 100_000_000
MAX_ASPECT = 200
"""Processors that keep a picture's shape (Qwen2-VL's) refuse longer ones."""

# Raster formats that Pillow decodes by itself. Others run programs (EPS) or are rarely pictures.
_FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "TIFF", "WEBP")
_ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.-]+://|data:)", re.IGNORECASE)
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def open_image(source: Source, *, allow_urls: bool = False, max_pixels: int = MAX_PIXELS) -> Media:
    """Open one picture as upright 8-bit RGB.

    EXIF orientation is applied. Transparent parts show white. 16-bit values are scaled to 8 bits.
    Of an animated or multi-page file the first frame is taken.

    Parameters
    ----------
    source
        A path; an http(s) address if ``allow_urls``; a PIL image (its current frame); a uint8 array
        [H, W], [H, W, 3] (RGB) or [H, W, 4] (RGBA); or a Media, which is returned as it is.
    allow_urls
        Fetch addresses. Without it they are refused.
    max_pixels
        Refuse larger pictures, by their header, before they are decoded. Pillow's own limit, twice
        ``PIL.Image.MAX_IMAGE_PIXELS``, holds as well.

    Raises
    ------
    MediaError
        If the source is missing, unreadable, empty, no picture, damaged, too large, longer than
        200:1, an address that is not allowed, or of another type or mode.

    Examples
    --------
    >>> open_image(np.zeros((2, 3), np.uint8)).frames.shape
    (1, 2, 3, 3)
    """
    if isinstance(source, Media):
        _check_size(source.width, source.height, source.name, max_pixels)
        return source
    if isinstance(source, np.ndarray):
        return _from_array(source, max_pixels)
    if isinstance(source, Image.Image):
        name = _display_name(str(getattr(source, "filename", "") or "image"))
        return _from_image(source, name, name, max_pixels)
    if not isinstance(source, str | Path):
        raise MediaError(
            f"{type(source).__name__} is no kind of picture",
            where="image",
            remedy="give a path, a PIL image, a uint8 array [H, W, 3] or a Media",
        )
    if isinstance(source, str) and _ADDRESS.match(source):
        where, name, content = fetch(source, allowed=allow_urls)
        return _decode(BytesIO(content), where, _display_name(name), max_pixels)
    where = _printable(str(source))
    with _open_file(Path(source), where) as stream:
        return _decode(stream, where, _display_name(str(source)), max_pixels)


@contextmanager
def _open_file(path: Path, where: str) -> Iterator[BinaryIO]:
    if not where.strip():
        raise MediaError("the path is empty", where="image", remedy="give the path of a picture")
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise MediaError("is a folder", where=where, remedy="give the path of one picture")
        if not stat.S_ISREG(status.st_mode):
            # A pipe or a device could block or never end.
            raise MediaError("is no ordinary file", where=where, remedy="save it to a file first")
        if status.st_size == 0:
            raise MediaError("the file is empty", where=where, remedy="give another file")
        stream = path.open("rb")
    except FileNotFoundError as error:
        raise MediaError("no such file", where=where, remedy="check the path") from error
    except PermissionError as error:
        raise MediaError(
            "no permission to read it", where=where, remedy="change the file's permissions"
        ) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise MediaError(
            f"cannot be read ({reason})", where=where, remedy="check the path"
        ) from error
    with stream:
        yield stream


def _decode(stream: BinaryIO, where: str, name: str, max_pixels: int) -> Media:
    Image.init()
    formats = [name for name in _FORMATS if name in Image.OPEN]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = Image.open(stream, formats=formats)
        except Image.DecompressionBombError as error:
            raise _too_large("more pixels than Pillow accepts", where) from error
        except MemoryError:
            raise
        except UnidentifiedImageError as error:
            raise MediaError(
                "is not a picture in a known format",
                where=where,
                remedy=f"convert it to PNG or JPEG (read are {', '.join(formats)})",
            ) from error
        except Exception as error:
            raise _damaged(error, where) from error
        with image:
            return _from_image(image, where, name, max_pixels)


def _from_image(image: Image.Image, where: str, name: str, max_pixels: int) -> Media:
    _check_size(image.width, image.height, where, max_pixels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image.load()
            # Read after loading: Pillow itself turns a TIFF while it loads.
            upright = _UPRIGHT.get(_orientation(image))
            rgb = _to_rgb(image, where)
        except (MediaError, MemoryError):
            raise
        except Exception as error:
            raise _damaged(error, where) from error
    if upright is not None:
        rgb = rgb.transpose(upright)
    frames = np.array(rgb, dtype=np.uint8)[None]
    return Media(frames=frames, times=np.zeros(1), name=name)


def _from_array(pixels: NDArray[np.uint8], max_pixels: int) -> Media:
    shape = pixels.shape
    known = len(shape) == 2 or (len(shape) == 3 and shape[2] in (3, 4))
    if pixels.dtype != np.uint8 or not known:
        raise MediaError(
            f"the array is {pixels.dtype} {list(shape)}",
            where="image",
            remedy="give uint8 [H, W], [H, W, 3] or [H, W, 4] with values from 0 to 255",
        )
    _check_size(shape[1], shape[0], "image", max_pixels)
    return _from_image(Image.fromarray(np.ascontiguousarray(pixels)), "image", "image", max_pixels)


def _check_size(width: int, height: int, where: str, max_pixels: int) -> None:
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
            f"{width} × {height} pixels is too long a shape",
            where=where,
            remedy=f"cut it: its longer side may be at most {MAX_ASPECT} times the shorter one",
        )


def _to_rgb(image: Image.Image, where: str) -> Image.Image:
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return Image.fromarray(_eight_bits(image, where)).convert("RGB")
    if image.has_transparency_data or image.mode in ("La", "RGBa"):
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _eight_bits(image: Image.Image, where: str) -> NDArray[np.uint8]:
    """Scale a picture of more than 8 bits: integers from 0 to 65535, floats from 0 to 1."""
    values = np.asarray(image).astype(np.float64)
    top = 1.0 if image.mode == "F" else 65535.0
    # Negated, so that NaN is refused too.
    if not (values.min() >= 0 and values.max() <= top):
        raise MediaError(
            f"values from {values.min():g} to {values.max():g} have no known scale",
            where=where,
            remedy="convert it to an 8-bit or 16-bit picture",
        )
    return np.rint(values * (255 / top)).astype(np.uint8)


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:
        # A damaged EXIF block says nothing of the picture, which itself is whole.
        return 1


def _too_large(what: str, where: str) -> MediaError:
    return MediaError(
        what, where=where, remedy="make the picture smaller, or raise max_pixels of tam.open_image"
    )


def _damaged(error: Exception, where: str) -> MediaError:
    reason = str(error).rstrip(".") or type(error).__name__
    return MediaError(
        f"the picture is damaged or incomplete ({_printable(reason)})",
        where=where,
        remedy="get the file again, or convert it to PNG",
    )


def _display_name(source: str) -> str:
    return _printable(re.split(r"[\\/]", source.rstrip("\\/"))[-1]) or "image"


def _printable(text: str) -> str:
    """Text without characters that could steer a terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
