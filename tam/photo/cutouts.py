"""Pasting pictures with an alpha channel onto photographs, with masks of the visible parts."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Cutout:
    """One object cut out of a photograph.

    Parameters
    ----------
    noun
        The name of the object.
    pixels
        uint8 [H, W, 4]: red, green, blue and alpha.
    """

    noun: str
    pixels: Picture

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape[2] != 4:
            raise ValueError(f"{self.noun}: pixels must be [H, W, 4], not {self.pixels.shape}")


@dataclass(frozen=True)
class Placed:
    """A cut-out and its position in a picture.

    Parameters
    ----------
    cutout
        The cut-out.
    box
        (x0, y0, x1, y1) in pixels of the picture: the cut-out is scaled to it.
    flipped
        Whether it is mirrored horizontally.
    """

    cutout: Cutout
    box: tuple[int, int, int, int]
    flipped: bool = False


def trimmed(pixels: Picture) -> Picture:
    """Crop the fully transparent rows and columns around a cut-out."""
    rows = np.flatnonzero((pixels[..., 3] > 8).any(axis=1))
    columns = np.flatnonzero((pixels[..., 3] > 8).any(axis=0))
    if not len(rows):
        return pixels
    return pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def paste(
    background: Picture, placed: Sequence[Placed]
) -> tuple[Picture, tuple[NDArray[np.bool_], ...]]:
    """Paste cut-outs onto a background, later ones over earlier ones.

    Parameters
    ----------
    background
        uint8 [H, W, 3].
    placed
        The cut-outs, from the farthest to the nearest. Parts outside the picture are cut off.

    Returns
    -------
    picture
        uint8 [H, W, 3].
    masks
        Bool [H, W] for each cut-out: where its alpha is at least one half and no later one's is.
    """
    height, width = background.shape[:2]
    picture = background.astype(np.float32)
    covers = []
    for item in placed:
        color, alpha = _on_canvas(item, height, width)
        picture += alpha[..., None] * (color - picture)
        covers.append(alpha >= 0.5)
    masks, hidden = [], np.zeros((height, width), bool)
    for cover in reversed(covers):
        masks.append(cover & ~hidden)
        hidden |= cover
    return np.rint(picture).astype(np.uint8), tuple(reversed(masks))


def fitted(cutout: Cutout, centre: tuple[float, float], side: float) -> tuple[int, int, int, int]:
    """Return the box around a centre that keeps a cut-out's aspect ratio.

    Its longer side is ``side`` pixels.
    """
    height, width = cutout.pixels.shape[:2]
    scale = side / max(height, width)
    half_w, half_h = max(width * scale, 2) / 2, max(height * scale, 2) / 2
    x, y = centre
    return round(x - half_w), round(y - half_h), round(x + half_w), round(y + half_h)


def _on_canvas(item: Placed, height: int, width: int) -> tuple[NDArray[np.float32], ...]:
    """Return the color [H, W, 3] and the alpha [H, W] in [0, 1] of one cut-out on the picture."""
    x0, y0, x1, y1 = item.box
    source = item.cutout.pixels[:, ::-1] if item.flipped else item.cutout.pixels
    smaller = (x1 - x0) * (y1 - y0) < source.shape[0] * source.shape[1]
    scaled = cv2.resize(
        _premultiplied(source),
        (x1 - x0, y1 - y0),
        interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR,
    )
    canvas = np.zeros((height, width, 4), np.float32)
    inside = canvas[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)]
    top, left = max(-y0, 0), max(-x0, 0)
    inside[:] = scaled[top : top + inside.shape[0], left : left + inside.shape[1]]
    alpha = canvas[..., 3]
    color = canvas[..., :3] / np.maximum(alpha, np.float32(1e-6))[..., None]
    return color.astype(np.float32), alpha


def _premultiplied(pixels: Picture) -> NDArray[np.float32]:
    """Multiply colors by alpha, so that scaling does not bleed transparent pixels into edges."""
    floats = pixels.astype(np.float32)
    alpha = floats[..., 3:] / 255
    return np.concatenate([floats[..., :3] * alpha, alpha], axis=2)
