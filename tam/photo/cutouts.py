"""Pictures with an alpha channel laid on photographs, with the masks of what remains visible."""

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
        What it is called.
    pixels
        uint8 [H, W, 4]: red, green, blue and alpha.
    """

    noun: str
    pixels: Picture

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape[2] != 4:
            raise ValueError(f"{self.noun}: pixels are [H, W, 4], not {self.pixels.shape}")


@dataclass(frozen=True)
class Placed:
    """A cut-out at its place.

    Parameters
    ----------
    cutout
        What is placed.
    box
        (x0, y0, x1, y1) in pixels of the picture: the cut-out is scaled to it.
    flipped
        Whether left and right are exchanged.
    """

    cutout: Cutout
    box: tuple[int, int, int, int]
    flipped: bool = False


def trimmed(pixels: Picture) -> Picture:
    """A cut-out without the fully transparent rows and columns around it."""
    rows = np.flatnonzero((pixels[..., 3] > 8).any(axis=1))
    columns = np.flatnonzero((pixels[..., 3] > 8).any(axis=0))
    if not len(rows):
        return pixels
    return pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def paste(
    background: Picture, placed: Sequence[Placed]
) -> tuple[Picture, tuple[NDArray[np.bool_], ...]]:
    """Lay cut-outs on a background, the later over the earlier.

    Parameters
    ----------
    background
        uint8 [H, W, 3].
    placed
        The cut-outs, from the farthest to the nearest. What lies outside is left off.

    Returns
    -------
    picture
        uint8 [H, W, 3].
    masks
        For each cut-out bool [H, W]: where it covers at least half and no later one does.
    """
    height, width = background.shape[:2]
    picture = background.astype(np.float32)
    covers = []
    for item in placed:
        colour, alpha = _on_canvas(item, height, width)
        picture += alpha[..., None] * (colour - picture)
        covers.append(alpha >= 0.5)
    masks, hidden = [], np.zeros((height, width), bool)
    for cover in reversed(covers):
        masks.append(cover & ~hidden)
        hidden |= cover
    return np.rint(picture).astype(np.uint8), tuple(reversed(masks))


def fitted(cutout: Cutout, centre: tuple[float, float], side: float) -> tuple[int, int, int, int]:
    """The box that gives a cut-out its own aspect, its longer side ``side``, around a centre."""
    height, width = cutout.pixels.shape[:2]
    scale = side / max(height, width)
    half_w, half_h = max(width * scale, 2) / 2, max(height * scale, 2) / 2
    x, y = centre
    return round(x - half_w), round(y - half_h), round(x + half_w), round(y + half_h)


def _on_canvas(item: Placed, height: int, width: int) -> tuple[NDArray[np.float32], ...]:
    """Colour [H, W, 3] and alpha [H, W] in 0 … 1 of one cut-out on the whole picture."""
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
    colour = canvas[..., :3] / np.maximum(alpha, 1e-6)[..., None]
    return np.asarray(colour, np.float32), alpha


def _premultiplied(pixels: Picture) -> NDArray[np.float32]:
    """Colours times alpha: scaled so, transparent pixels lend no colour to the edge."""
    floats = pixels.astype(np.float32)
    alpha = floats[..., 3:] / 255
    return np.concatenate([floats[..., :3] * alpha, alpha], axis=2)
