"""Composites for testing: one or two cut-outs on backgrounds that training never uses."""

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tam.errors import InputError
from tam.photo.assembly import PIXELS
from tam.photo.cutouts import Cutout, Placed, fitted, paste
from tam.photo.tower import squared
from tam.photo.training.pictures import held_out_nouns, read_pictures

KINDS = ("held in", "held out", "two")
_BACKGROUNDS = ("grass.png", "gravel.png", "brick.png")
_SEED = 20_261


@dataclass(frozen=True)
class Composite:
    """A picture, the nouns of its objects from left to right, and masks of their visible parts.

    ``picture`` is uint8 [H, W, 3], each mask bool [H, W].
    """

    picture: NDArray[np.uint8]
    nouns: tuple[str, ...]
    masks: tuple[NDArray[np.bool_], ...]


def composites(data: Path, kind: str, count: int) -> Iterator[Composite]:
    """Generate composites, deterministically.

    Parameters
    ----------
    data
        The unpacked Debian packages.
    kind
        ``held in`` or ``held out``: one object whose noun is, or is not, in the training data;
        ``two``: two objects with different nouns from the training data.
    count
        The number of composites.
    """
    rng = np.random.default_rng((_SEED, KINDS.index(kind)))
    grounds = _backgrounds()
    held_out = held_out_nouns()
    cutouts = [picture for _, picture in read_pictures(data) if isinstance(picture, Cutout)]
    nouns = sorted({c.noun for c in cutouts if (c.noun in held_out) == (kind == "held out")})
    number = 2 if kind == "two" else 1
    for _ in range(count):
        ground = grounds[int(rng.integers(len(grounds)))]
        chosen = rng.choice(len(nouns), size=number, replace=False)
        placed = [
            _placed(_one(cutouts, nouns[n], rng), index, number, rng)
            for index, n in enumerate(chosen)
        ]
        picture, masks = paste(ground, placed)
        yield Composite(picture, tuple(nouns[n] for n in chosen), masks)


def _one(cutouts: list[Cutout], noun: str, rng: np.random.Generator) -> Cutout:
    own = [cutout for cutout in cutouts if cutout.noun == noun]
    return own[int(rng.integers(len(own)))]


def _placed(cutout: Cutout, index: int, number: int, rng: np.random.Generator) -> Placed:
    side = rng.uniform(0.6, 0.9) * PIXELS if number == 1 else rng.uniform(0.42, 0.5) * PIXELS
    slack = (PIXELS / number - side) / 2 if number == 1 else 0.02 * PIXELS
    x = (index + 0.5) * PIXELS / number + rng.uniform(-1, 1) * slack
    y = PIXELS / 2 + rng.uniform(-1, 1) * (PIXELS - side) / 2
    return Placed(cutout, fitted(cutout, (x, y), side), bool(rng.random() < 0.5))


def _backgrounds() -> list[NDArray[np.uint8]]:
    """Return tinted textures of scikit-image, which are in the public domain."""
    spec = importlib.util.find_spec("skimage")
    if spec is None or spec.origin is None:
        raise InputError(
            "scikit-image, which has the backgrounds, is not installed",
            where="skimage",
            remedy="pip install scikit-image",
        )
    found = []
    for name, tint in zip(
        _BACKGROUNDS, ((150, 200, 120), (190, 180, 170), (200, 130, 110)), strict=True
    ):
        with Image.open(Path(spec.origin).parent / "data" / name) as image:
            grey = np.asarray(image.convert("L"), np.float32)[..., None] / 255
        found.append(squared(np.rint(grey * np.array(tint, np.float32)).astype(np.uint8)))
    return found
