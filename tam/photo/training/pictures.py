"""The training pictures, from unpacked Debian packages, and the nouns that are held out."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tam.errors import InputError
from tam.photo.cutouts import Cutout, trimmed
from tam.photo.training.qt_resources import read_resources

_CATALOGUE = Path(__file__).parent / "pictures.tsv"
_MANY = 5
"""A noun with more pictures than this is never held out, to keep its pictures for training."""


@dataclass(frozen=True)
class Entry:
    """A row of the catalogue: a Debian package, a file in it, and the noun that it shows.

    ``noun`` is None for a background, which does not show a single object.
    """

    package: str
    path: str
    noun: str | None


@dataclass(frozen=True)
class Photo:
    """A whole photograph. ``noun`` is None for a background. ``pixels`` are uint8 [H, W, 3]."""

    noun: str | None
    pixels: NDArray[np.uint8]


@cache
def catalogue() -> tuple[Entry, ...]:
    """Return all entries, in the order of the file."""
    lines = _CATALOGUE.read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    return tuple(
        Entry(package, path, None if noun == "-" else noun) for package, path, noun in rows
    )


@cache
def held_out_nouns() -> frozenset[str]:
    """Return every fifth noun, alphabetically, among those with few pictures; never trained on."""
    nouns = [entry.noun for entry in catalogue() if entry.noun is not None]
    few = sorted({noun for noun in nouns if nouns.count(noun) <= _MANY})
    return frozenset(few[2::5])


@cache
def validation_nouns() -> frozenset[str]:
    """Return every fourth noun, alphabetically, of those that are not held out.

    A training can leave their pictures out too, so that a choice between trainings does not need
    the held-out ones.
    """
    nouns = {entry.noun for entry in catalogue() if entry.noun is not None}
    return frozenset(sorted(nouns - held_out_nouns())[1::4])


def read_pictures(
    data: Path, packages: tuple[str, ...] | None = None
) -> Iterator[tuple[Entry, Cutout | Photo]]:
    """Open the pictures of the catalogue.

    Parameters
    ----------
    data
        A folder with one folder for each Debian package, unpacked with ``dpkg -x``.
    packages
        The packages whose pictures are opened; None for all.

    Raises
    ------
    InputError
        If a package's folder or a file in it is missing.
    """
    archives: dict[Path, dict[str, bytes]] = {}
    for entry in catalogue():
        if packages is not None and entry.package not in packages:
            continue
        yield entry, _opened(entry, _content(data, entry, archives))


def _content(data: Path, entry: Entry, archives: dict[Path, dict[str, bytes]]) -> bytes:
    path = data / entry.package / entry.path
    try:
        archive, _, inside = str(path).partition(".rcc/")
        if not inside:
            return path.read_bytes()
        file = Path(f"{archive}.rcc")
        if file not in archives:
            archives[file] = dict(read_resources(file))
        return archives[file][inside]
    except (OSError, KeyError) as error:
        raise InputError(
            "does not exist",
            where=str(path),
            remedy=f"unpack the Debian package {entry.package} into that folder: "
            f"apt-get download {entry.package}, then dpkg -x",
        ) from error


def _opened(entry: Entry, content: bytes) -> Cutout | Photo:
    """Return a cut-out if more than 3 % of the picture is transparent, else a photograph."""
    with Image.open(io.BytesIO(content)) as image:
        image.thumbnail((960, 960))
        pixels = np.asarray(image.convert("RGBA"))
    if entry.noun is not None and (pixels[..., 3] < 8).mean() > 0.03:
        return Cutout(entry.noun, trimmed(pixels))
    return Photo(entry.noun, np.ascontiguousarray(pixels[..., :3]))
