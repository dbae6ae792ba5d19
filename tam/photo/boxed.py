"""Photographs with hand-made boxes, for ``tam evaluate``.

    python -m tam.photo.boxed --data DIR --out FOLDER
    tam evaluate --data folder:FOLDER --model photo

A few held-out photographs (:mod:`tam.photo.held_out`) in which one object leaves room around it.
Its box was drawn by hand (``boxes.tsv``), so a perfect map does not reach an overlap of 1. The
sentence that names the object is read as the reply. Three photographs come with scikit-image and
scikit-learn; the others are in the Debian package in ``DIR``.
"""

import argparse
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tam.errors import InputError, OutputError, ended_in_one_line, os_errors_as_tam_errors
from tam.evaluate.folder_items import FILE
from tam.photo.held_out import held_out, open_held_out
from tam.photo.training.text import caption

_LIST = Path(__file__).with_name("boxes.tsv")


@dataclass(frozen=True)
class Boxed:
    """A photograph, the noun of its object, and the object's box.

    Parameters
    ----------
    name
        A file name without suffix.
    noun
        The noun.
    picture
        uint8 [H, W, 3].
    box
        Left, top, right and bottom, in pixels.
    """

    name: str
    noun: str
    picture: NDArray[np.uint8]
    box: tuple[int, int, int, int]

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Whether each pixel is in the box, bool [H, W]."""
        inside = np.zeros(self.picture.shape[:2], bool)
        left, top, right, bottom = self.box
        inside[top:bottom, left:right] = True
        return inside


def boxed_photographs(data: Path | None) -> Iterator[Boxed]:
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
            yield Boxed(Path(path).stem, item.noun, picture, (left, top, right, bottom))


def write_folder(photographs: Iterator[Boxed], folder: Path) -> int:
    """Write pictures, masks and ``items.csv`` into a new folder; return the number of pictures.

    Raises
    ------
    InputError
        If there are none.
    OutputError
        If the folder exists or cannot be written.
    """
    rows = []
    with os_errors_as_tam_errors(folder):
        if folder.exists():
            raise OutputError("already exists", where=str(folder), remedy="name another folder")
        folder.mkdir(parents=True)
        for photograph in photographs:
            picture, mask = f"{photograph.name}.png", f"{photograph.name}-box.png"
            Image.fromarray(photograph.picture).save(folder / picture)
            Image.fromarray(photograph.mask).save(folder / mask)
            rows.append((picture, photograph.noun, mask, caption((photograph.noun,))))
        with (folder / FILE).open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([("image", "category", "mask", "answer"), *rows])
    if not rows:
        raise InputError("no photographs are available", where="data", remedy="give --data")
    return len(rows)


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
