"""Convert Pillow images of any mode and depth to upright 8-bit RGB, without transparency."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tam.errors import MediaError
from tam.media.decoding import load_pixels

_ORIENTATION = 0x0112
_BITS, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def rgb_pixels(image: Image.Image, where: str) -> tuple[NDArray[np.uint8], bool]:
    """Return the current frame of a picture as upright 8-bit RGB, with transparent parts white.

    Returns
    -------
    pixels, clear
        uint8 [H, W, 3], and whether any part is transparent.

    Raises
    ------
    MediaError
        If its values have no known scale. Pillow's errors for damaged data are not converted.
    """
    load_pixels(image)
    # Read the orientation after loading, because Pillow itself rotates a TIFF while loading it.
    turn = _UPRIGHT.get(orientation(image))
    rgb, clear = _to_rgb(image, where)
    if turn is not None:
        rgb = rgb.transpose(turn)
    return np.array(rgb, dtype=np.uint8), clear


def _to_rgb(image: Image.Image, where: str) -> tuple[Image.Image, bool]:
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return Image.fromarray(_eight_bits(image, where)).convert("RGB"), False
    if image.has_transparency_data or image.mode in ("La", "RGBa"):
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        clear = rgba.getchannel("A").getextrema()[0] != 255
        return Image.alpha_composite(white, rgba).convert("RGB"), clear
    return image.convert("RGB"), False


def _eight_bits(image: Image.Image, where: str) -> NDArray[np.uint8]:
    """Scale a picture of more than 8 bits: integers by their range, floats from [0, 1]."""
    values = np.asarray(image).astype(np.float64)
    top, inverted = _scale(image)
    # The test is negated so that NaN is also refused.
    if not (values.min() >= 0 and values.max() <= top):
        raise MediaError(
            f"values from {values.min():g} to {values.max():g} have no known scale",
            where=where,
            remedy="convert it to an 8-bit or 16-bit picture",
        )
    if inverted:
        values = top - values
    return np.rint(values * (255 / top)).astype(np.uint8)


def _scale(image: Image.Image) -> tuple[float, bool]:
    """Return the maximum value, and whether it means black (a TIFF with WhiteIsZero).

    Pillow inverts such pictures itself if they have up to 8 bits, but not deeper ones.
    """
    tags = getattr(image, "tag_v2", {}) if image.format == "TIFF" else {}
    inverted = tags.get(_PHOTOMETRIC) == 0
    if image.mode == "F":
        return 1.0, inverted
    bits = tags.get(_BITS, (16,))
    signed = tags.get(_SAMPLE_FORMAT, (1,))[0] == 2
    depth = bits[0] if bits[0] in (12, 16) else 16
    return float(2 ** (depth - signed) - 1), inverted


def orientation(image: Image.Image) -> int:
    """Read the EXIF orientation of a picture, 1 to 8; 1 if it has none."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:
        # A damaged EXIF block does not mean that the picture is damaged.
        return 1
