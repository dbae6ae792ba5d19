"""A fixed pool of training pictures, stored as the tower's features."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from tam.photo.assembly import PIXELS
from tam.photo.cutouts import Cutout, Placed, fitted, paste
from tam.photo.tower import Tower, squared
from tam.photo.training.pictures import Photo, read_pictures

SHARES = (("photo", 0.32), ("one", 0.36), ("two", 0.24), ("three", 0.04), ("none", 0.04))
"""Shares of the pool: whole photographs, and backgrounds with one, two, three or no cut-outs."""

_Picture = TypeVar("_Picture", Cutout, Photo)
_PART = 100
"""Pictures that are drawn with one generator."""
_BATCH = 20
"""Pictures that the tower sees at once."""


@dataclass(frozen=True)
class Pool:
    """The tower's features of pictures, and the nouns that these show.

    Parameters
    ----------
    features
        float16 [M, N, 1280].
    nouns
        The nouns of each picture's objects, from left to right; empty for a background.
    """

    features: torch.Tensor
    nouns: tuple[tuple[str, ...], ...]

    def to(self, device: torch.device) -> "Pool":
        """Return the same pool with its features on another device."""
        return Pool(self.features.to(device), self.nouns)


def build_pool(
    data: Path,
    tower: Tower,
    pictures: int,
    seed: int,
    *,
    left_out: frozenset[str],
    packages: tuple[str, ...] | None = None,
    workers: int = 1,
) -> Pool:
    """Draw pictures, and compute the tower's features of them.

    Parameters
    ----------
    data
        The unpacked Debian packages.
    tower
        The vision tower.
    pictures
        The number of pictures, which are drawn in parts of a hundred.
    seed
        The seed; each part has a generator of its own.
    left_out
        The nouns whose pictures are not used.
    packages
        The Debian packages whose pictures are used; None for all.
    workers
        Processes that draw the parts.
    """
    counts = [min(_PART, pictures - start) for start in range(0, pictures, _PART)]
    seeds = [(seed, part) for part in range(len(counts))]
    features, nouns = [], []
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as processes:
        for drawn in processes.map(partial(_part, data, packages, left_out), counts, seeds):
            for start in range(0, len(drawn), _BATCH):
                batch = [picture for picture, _ in drawn[start : start + _BATCH]]
                features.append(tower.features(batch).half().cpu())
            nouns += [shown for _, shown in drawn]
    return Pool(torch.cat(features), tuple(nouns))


def _part(
    data: Path,
    packages: tuple[str, ...] | None,
    left_out: frozenset[str],
    count: int,
    seed: tuple[int, int],
) -> list[tuple[NDArray[np.uint8], tuple[str, ...]]]:
    cv2.setNumThreads(1)
    return list(_pictures(*_sorted(data, packages, left_out), count, np.random.default_rng(seed)))


def save_pool(pool: Pool, path: Path) -> None:
    """Write a pool to a safetensors file."""
    import json

    from safetensors.torch import save_file

    save_file({"features": pool.features}, path, {"nouns": json.dumps(pool.nouns)})


def open_pool(path: Path) -> Pool:
    """Open a file that :func:`save_pool` wrote."""
    import json

    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        nouns = json.loads((file.metadata() or {})["nouns"])
        return Pool(file.get_tensor("features"), tuple(tuple(names) for names in nouns))


@cache
def _sorted(
    data: Path, packages: tuple[str, ...] | None, left_out: frozenset[str]
) -> tuple[list[Cutout], list[Photo], list[NDArray[np.uint8]]]:
    cutouts: list[Cutout] = []
    photos: list[Photo] = []
    backgrounds = []
    for _, picture in read_pictures(data, packages):
        if picture.noun in left_out:
            continue
        if isinstance(picture, Cutout):
            cutouts.append(picture)
        elif picture.noun is None:
            backgrounds.append(picture.pixels)
        else:
            photos.append(picture)
    return cutouts, photos, backgrounds


def _pictures(
    cutouts: Sequence[Cutout],
    photos: Sequence[Photo],
    backgrounds: Sequence[NDArray[np.uint8]],
    count: int,
    rng: np.random.Generator,
) -> Iterator[tuple[NDArray[np.uint8], tuple[str, ...]]]:
    missing = set() if cutouts else {"one", "two", "three"}
    if not photos:
        missing.add("photo")
    shares = {kind: share for kind, share in SHARES if kind not in missing}
    chances = np.array(list(shares.values()))
    for kind in rng.choice(list(shares), size=count, p=chances / chances.sum()):
        if kind == "photo":
            photo = _one_of(photos, rng)
            assert photo.noun is not None
            yield _jittered(_crop(photo.pixels, rng, 0.55), rng), (photo.noun,)
            continue
        number = ("none", "one", "two", "three").index(kind)
        ground = squared(_background(backgrounds, rng))
        placed = [_placed(_one_of(cutouts, rng), i, number, rng) for i in range(number)]
        picture, masks = paste(ground, placed)
        order = sorted(range(number), key=lambda i: placed[i].box[0] + placed[i].box[2])
        nouns = tuple(placed[i].cutout.noun for i in order if masks[i].sum() > 500)
        yield _jittered(picture, rng), nouns


def _one_of(pictures: Sequence[_Picture], rng: np.random.Generator) -> _Picture:
    """Draw a picture. A noun with n pictures is drawn in proportion to the square root of n."""
    weights = np.array([1 / np.sqrt(_count(pictures, p.noun)) for p in pictures])
    return pictures[int(rng.choice(len(pictures), p=weights / weights.sum()))]


def _count(pictures: Sequence[Cutout] | Sequence[Photo], noun: str | None) -> int:
    return sum(picture.noun == noun for picture in pictures)


def _placed(cutout: Cutout, index: int, number: int, rng: np.random.Generator) -> Placed:
    """Place an object in its part of the width; neighbors may overlap a little."""
    share = 1 / number
    sides = {1: (0.35, 0.98), 2: (0.4, 0.62), 3: (0.3, 0.42)}[number]
    side = rng.uniform(*sides) * PIXELS
    slack = max(0.5 * (1 - side / PIXELS), 0.05) * PIXELS
    x = (index + 0.5) * share * PIXELS + rng.uniform(-0.5, 0.5) * slack / number
    y = PIXELS / 2 + rng.uniform(-1, 1) * slack
    return Placed(cutout, fitted(cutout, (x, y), side), bool(rng.random() < 0.5))


def _background(
    backgrounds: Sequence[NDArray[np.uint8]], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return a part of a photograph, or in one of five cases a plain color."""
    if rng.random() < 0.2 or not backgrounds:
        plain = np.full((PIXELS, PIXELS, 3), rng.integers(0, 256, 3), np.uint8)
        return np.full_like(plain, 255) if rng.random() < 0.4 else plain
    return _crop(backgrounds[int(rng.integers(len(backgrounds)))], rng, 0.3)


def _crop(
    pixels: NDArray[np.uint8], rng: np.random.Generator, smallest: float
) -> NDArray[np.uint8]:
    """Return a random part of a picture, randomly flipped and scaled to the square."""
    height, width = pixels.shape[:2]
    h, w = (int(length * rng.uniform(smallest, 1)) for length in (height, width))
    y, x = int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1))
    part = pixels[y : y + h, x : x + w]
    return squared(np.ascontiguousarray(part[:, ::-1] if rng.random() < 0.5 else part))


def _jittered(picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Change brightness and contrast a little, and sometimes blur."""
    gain, shift = rng.uniform(0.8, 1.2), rng.uniform(-20, 20)
    changed = np.clip((picture.astype(np.float32) - 127) * gain + 127 + shift, 0, 255)
    if rng.random() < 0.15:
        changed = cv2.GaussianBlur(changed, (0, 0), rng.uniform(0.5, 1.5))
    return np.asarray(changed, np.uint8)
