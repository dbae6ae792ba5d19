"""Photographs with hand-made boxes, for ``tam evaluate``.

    python -m tam.photo.boxed --data DIR --out FOLDER
    tam evaluate --data folder:FOLDER --model photo

A few held-out photographs (:mod:`tam.photo.held_out`) in which one object leaves room around it.
Its box was drawn by hand (``boxes.tsv``), so a perfect map does not reach an overlap of 1. The
sentence that names the object is read as the reply. Three photographs come with scikit-image and
scikit-learn; the others are in the Debian package in ``DIR``.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tam.errors import ended_in_one_line
from tam.photo.held_out import held_out, open_held_out
from tam.photo.marked import Marked, write_folder

_LIST = Path(__file__).with_name("boxes.tsv")


Box = tuple[int, int, int, int]
"""Left, top, right and bottom, in pixels."""


def box_mask(size: tuple[int, int], box: Box) -> NDArray[np.bool_]:
    """Return whether each pixel of a picture of size [H, W] is in a box, bool [H, W]."""
    inside = np.zeros(size, bool)
    left, top, right, bottom = box
    inside[top:bottom, left:right] = True
    return inside


def boxed_photographs(data: Path | None) -> Iterator[Marked]:
    """Yield the photographs whose packages are available.

    Parameters
    ----------
    data
        The folder in which Debian packages are unpacked, each in a folder of its name.
    """
    known = {(item.package, item.path): item for item in held_out()}
    lines = _LIST.read_text(encoding="utf-8").splitlines()
    for package, path, *sides in (line.split("\t") for line in lines if line[0] != "#"):
        item = known[package, path]
        picture = open_held_out(item, data)
        if picture is not None:
            height, width = picture.shape[:2]
            left, top, right, bottom = (
                round(int(side) * length / 100)
                for side, length in zip(sides, (width, height, width, height), strict=True)
            )
            mask = box_mask((height, width), (left, top, right, bottom))
            yield Marked(Path(path).stem, picture, {item.noun: mask})


def main() -> None:
    """Parse the command line and write the folder."""
    parser = argparse.ArgumentParser(prog="python -m tam.photo.boxed", description=__doc__)
    parser.add_argument("--data", type=Path, help="unpacked Debian packages")
    parser.add_argument("--out", type=Path, required=True, help="a new folder")
    given = parser.parse_args()
    count = write_folder(boxed_photographs(given.data), given.out)
    print(f"{count} photographs in {given.out}")


if __name__ == "__main__":
    with ended_in_one_line():
        main()
