"""Photographs with the masks of what they show, written as a folder for ``tam evaluate``."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tam.errors import InputError, OutputError, os_errors_as_tam_errors
from tam.evaluate.folder_items import FILE
from tam.photo.training.text import caption


@dataclass(frozen=True, eq=False)
class Marked:
    """A photograph and what it shows.

    Parameters
    ----------
    name
        A file name without suffix.
    picture
        uint8 [H, W, 3].
    masks
        bool [H, W] by noun: where each thing is.
    """

    name: str
    picture: NDArray[np.uint8]
    masks: Mapping[str, NDArray[np.bool_]]


def write_folder(photographs: Iterable[Marked], folder: Path) -> int:
    """Write pictures, masks and ``items.csv`` into a new folder; return the number of pictures.

    The sentence that names all things of a photograph is the reply to be read.

    Raises
    ------
    InputError
        If there are none.
    OutputError
        If the folder exists or cannot be written.
    """
    rows, names = [], []
    with os_errors_as_tam_errors(folder):
        if folder.exists():
            raise OutputError("already exists", where=str(folder), remedy="name another folder")
        folder.mkdir(parents=True)
        for photograph in photographs:
            names.append(photograph.name)
            picture, answer = f"{photograph.name}.png", caption(tuple(photograph.masks))
            Image.fromarray(photograph.picture).save(folder / picture)
            for noun, mask in photograph.masks.items():
                path = f"{photograph.name}-{noun}.png"
                Image.fromarray(mask).save(folder / path)
                rows.append((picture, noun, path, answer))
        with (folder / FILE).open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([("image", "category", "mask", "answer"), *rows])
    if not rows:
        raise InputError("no photographs are available", where="data", remedy="give --data")
    return len(names)
