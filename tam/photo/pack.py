"""Scenes composed of cut-outs and backgrounds, which are bundled or supplied by the user."""

import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tam.errors import InputError
from tam.photo.assembly import PIXELS
from tam.photo.cutouts import Cutout, Placed, fitted, paste, trimmed
from tam.photo.tower import squared

_OWN = Path(__file__).parent / "pack"
_SUFFIXES = frozenset((".png", ".webp"))
_OPAQUE = frozenset((".jpg", ".jpeg"))
"""Suffixes of pictures without an alpha channel, for backgrounds and photographs."""


@dataclass(frozen=True)
class Pack:
    """The pictures that scenes and mosaics are composed of.

    Parameters
    ----------
    cutouts
        The objects of scenes.
    backgrounds
        The backgrounds of scenes, uint8 [PIXELS, PIXELS, 3].
    photos
        The parts of mosaics: nouns, each with a photograph of it, uint8 [PIXELS, PIXELS, 3].
    """

    cutouts: tuple[Cutout, ...]
    backgrounds: tuple[NDArray[np.uint8], ...]
    photos: tuple[tuple[str, NDArray[np.uint8]], ...] = ()

    @property
    def nouns(self) -> tuple[str, ...]:
        """The nouns of the cut-outs, in alphabetical order."""
        return tuple(sorted({cutout.noun for cutout in self.cutouts}))


@dataclass(frozen=True)
class Composed:
    """A scene: cut-outs on a background, from the farthest to the nearest."""

    background: NDArray[np.uint8]
    placed: tuple[Placed, ...]

    def render(self) -> tuple[NDArray[np.uint8], tuple[NDArray[np.bool_], ...]]:
        """Return the picture and a mask of each cut-out's visible part."""
        return paste(self.background, self.placed)

    def without(self, index: int) -> "Composed":
        """Return the scene without one cut-out, which shows exactly what that cut-out causes."""
        left = self.placed[:index] + self.placed[index + 1 :]
        return replace(self, placed=left)

    @property
    def left_to_right(self) -> tuple[int, ...]:
        """Indices of the cut-outs, sorted by the centres of their boxes."""
        middles = [item.box[0] + item.box[2] for item in self.placed]
        return tuple(sorted(range(len(middles)), key=middles.__getitem__))


@cache
def open_pack(folder: Path | None = None) -> Pack:
    """Open a folder with ``cutouts``, ``backgrounds`` and optionally ``photos``.

    None opens the bundled pack. A cut-out is a PNG or WebP picture with an alpha channel, named
    after what it shows. Its name ends before the first digit or hyphen, so several cut-outs can
    show the same: ``red panda-2.png``.

    Raises
    ------
    InputError
        If pictures are missing, or a cut-out has no transparent part.
    """
    place = _OWN if folder is None else folder
    cutouts = tuple(_cutout(path) for path in _pictures(place / "cutouts"))
    backgrounds = tuple(_square(path) for path in _pictures(place / "backgrounds", _OPAQUE))
    photos = _pictures(place / "photos", _OPAQUE) if (place / "photos").is_dir() else []
    if len({cutout.noun for cutout in cutouts}) < 2:
        raise InputError(
            "holds cut-outs of fewer than two nouns",
            where=str(place),
            remedy="add some: a false caption names an object that is not in the scene",
        )
    return Pack(cutouts, backgrounds, tuple((_noun(path), _square(path)) for path in photos))


def compose(pack: Pack, objects: int, seed: int) -> Composed:
    """Draw a scene of objects with different nouns, side by side and possibly overlapping.

    Raises
    ------
    InputError
        If the pack has fewer nouns.
    """
    if objects > len(pack.nouns):
        raise InputError(
            f"has {len(pack.nouns)} nouns, not {objects}", where="pack", remedy="add cut-outs"
        )
    rng = np.random.default_rng(seed)
    background = pack.backgrounds[int(rng.integers(len(pack.backgrounds)))]
    chosen = rng.choice(len(pack.nouns), size=objects, replace=False)
    smallest, largest = _sides(objects)
    placed = []
    for index, noun in enumerate(pack.nouns[i] for i in chosen):
        own = [cutout for cutout in pack.cutouts if cutout.noun == noun]
        cutout = own[int(rng.integers(len(own)))]
        side = PIXELS * rng.uniform(smallest, largest)
        x = PIXELS * ((index + 0.5) / objects + rng.uniform(-0.04, 0.04))
        y = PIXELS / 2 + rng.uniform(-0.5, 0.5) * (PIXELS - side)
        placed.append(Placed(cutout, fitted(cutout, (x, y), side), bool(rng.random() < 0.5)))
    order = rng.permutation(objects)
    return Composed(background, tuple(placed[i] for i in order))


def mosaic(
    pack: Pack, side: int, seed: int
) -> tuple[NDArray[np.uint8], tuple[tuple[str, NDArray[np.bool_]], ...]]:
    """Draw a mosaic of ``side × side`` photographs of different nouns.

    It is for the grid pointing game (Böhle, Fritz and Schiele, "Convolutional Dynamic Alignment
    Networks for Interpretable Classifications", CVPR 2021), which measures how much of a map lies
    in the right photograph.

    Returns
    -------
    picture
        uint8 [PIXELS, PIXELS, 3].
    parts
        The noun of each photograph and its mask, bool [PIXELS, PIXELS], in row-major order.

    Raises
    ------
    InputError
        If the pack has too few photographs.
    """
    if side**2 > len(pack.photos):
        raise InputError(
            f"has {len(pack.photos)} photographs, not {side**2}",
            where="pack",
            remedy="add more to its folder 'photos'",
        )
    rng = np.random.default_rng(seed)
    edges = np.linspace(0, PIXELS, side + 1).round().astype(int)
    picture = np.zeros((PIXELS, PIXELS, 3), np.uint8)
    parts = []
    for place, index in enumerate(rng.choice(len(pack.photos), size=side**2, replace=False)):
        noun, photo = pack.photos[int(index)]
        row, column = divmod(place, side)
        inside = np.zeros((PIXELS, PIXELS), bool)
        inside[edges[row] : edges[row + 1], edges[column] : edges[column + 1]] = True
        size = (int(edges[column + 1] - edges[column]), int(edges[row + 1] - edges[row]))
        picture[inside] = cv2.resize(photo, size, interpolation=cv2.INTER_AREA).reshape(-1, 3)
        parts.append((noun, inside))
    return picture, tuple(parts)


def _sides(objects: int) -> tuple[float, float]:
    """Return the smallest and largest side of an object, as shares of the picture's side."""
    return (0.5, 0.85) if objects == 1 else (1.0 / objects, min(1.2 / objects, 0.6))


def _pictures(folder: Path, more: frozenset[str] = frozenset()) -> list[Path]:
    suffixes = _SUFFIXES | more
    found = sorted(p for p in folder.glob("*") if p.suffix.lower() in suffixes)
    if not found:
        raise InputError(
            "holds no pictures", where=str(folder), remedy="put PNG or WebP files there"
        )
    return found


def _cutout(path: Path) -> Cutout:
    with Image.open(path) as image:
        image.thumbnail((640, 640))
        pixels = np.asarray(image.convert("RGBA"))
    if pixels[..., 3].min() > 127:
        raise InputError(
            "has no transparent part", where=str(path), remedy="cut the object out of its picture"
        )
    return Cutout(_noun(path), trimmed(pixels))


def _noun(path: Path) -> str:
    return re.split(r"[-\d]", path.stem, maxsplit=1)[0].replace("_", " ").strip()


def _square(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return squared(np.asarray(image.convert("RGB")))
