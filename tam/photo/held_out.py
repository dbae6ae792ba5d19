"""Photographs that training never uses, and the names that are accepted for them."""

import importlib.util
import io
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tam.photo.training.qt_resources import read_resources

_LIST = Path(__file__).parent / "held_out.tsv"


@dataclass(frozen=True)
class HeldOut:
    """One photograph with one clear object.

    Parameters
    ----------
    package
        The Debian or Python package that holds it.
    path
        The path of the file inside the package.
    accepted
        The accepted names; the first is the usual one.
    """

    package: str
    path: str
    accepted: tuple[str, ...]

    @property
    def noun(self) -> str:
        """The usual name of the object."""
        return self.accepted[0]


@cache
def held_out() -> tuple[HeldOut, ...]:
    """Return the held-out photographs; the list was committed before anything was measured."""
    lines = _LIST.read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    return tuple(HeldOut(row[0], row[1], tuple(row[2].split(","))) for row in rows)


def open_held_out(item: HeldOut, data: Path | None) -> NDArray[np.uint8] | None:
    """Open a photograph as uint8 [H, W, 3]; None if its package is not available.

    Parameters
    ----------
    item
        The photograph.
    data
        The folder in which Debian packages are unpacked, each in a folder of its name.
    """
    content = _content(item, data)
    if content is None:
        return None
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB"))


def _content(item: HeldOut, data: Path | None) -> bytes | None:
    archive, _, inside = item.path.partition(".rcc/")
    if inside:
        file = None if data is None else data / item.package / f"{archive}.rcc"
        return None if file is None or not file.is_file() else _resources(file).get(inside)
    spec = importlib.util.find_spec(item.package)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / item.path
    return path.read_bytes() if path.is_file() else None


@cache
def _resources(file: Path) -> dict[str, bytes]:
    return dict(read_resources(file))
