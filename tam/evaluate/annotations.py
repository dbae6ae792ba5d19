"""Readers of untrusted data sets: JSON, label images, masks, and paths inside a folder."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tam.errors import InputError, SetupError
from tam.evaluate.items import Mask
from tam.files.reading import read_bounded
from tam.media.decoding import load_pixels
from tam.media.image import open_image

_LARGEST = 2**30  # a whole data set's annotations take hundreds of MB
PICTURE_FOLDERS = ("val2014", "train2014", "images", "image", ".")
REMEDY = "check the data set against the layout in the documentation"


def read_text(path: Path) -> str:
    """Read a text file in UTF-8. Raises InputError if it is missing or is not one."""
    content = read_bounded(path, _LARGEST, remedy=REMEDY, kind=InputError)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError("is not text in UTF-8", where=str(path), remedy=REMEDY) from error


def read_json(path: Path) -> Any:
    """Parse a JSON file. Raises InputError if it is missing or is not JSON."""
    content = read_bounded(path, _LARGEST, remedy=REMEDY, kind=InputError)
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError("is not JSON", where=str(path), remedy=REMEDY) from error


def rows_of(value: Any, fields: Mapping[str, type | tuple[type, ...]], where: str) -> list[Any]:
    """Check a list of objects, each with these fields of these types, and return it.

    Raises
    ------
    InputError
        If a row does not fit; the message names the number of the first such row.
    """
    if not isinstance(value, list):
        raise InputError("is not a list", where=where, remedy=REMEDY)
    for number, row in enumerate(value):
        for name, kind in fields.items():
            found = row.get(name) if isinstance(row, dict) else None
            if not isinstance(found, kind) or isinstance(found, bool):
                raise InputError(
                    f"has no {name!r} of the right type", where=f"{where}[{number}]", remedy=REMEDY
                )
    return value


def inside(folder: Path, name: str) -> Path:
    """Return the path of a file that a data set names; InputError if it is outside the folder."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise InputError(
            f"names {name!r}, which lies outside it", where=str(folder), remedy="correct the path"
        )
    return path


def member(data: Any, name: str, where: str) -> Any:
    """Return a member of a JSON object; InputError if there is none of that name."""
    if not isinstance(data, dict) or name not in data:
        raise InputError(f"has no {name!r}", where=where, remedy=REMEDY)
    return data[name]


def picture_in(folder: Path, name: str) -> Path:
    """Return the path of a picture of COCO: in one of the usual folders, or in the folder itself.

    If there is none, it is the path in the first of these folders.
    """
    paths = [inside(folder, f"{place}/{name}") for place in PICTURE_FOLDERS]
    return next((path for path in paths if path.is_file()), paths[0])


def label_image(path: Path, size: tuple[int, int]) -> NDArray[np.int64]:
    """Open an image whose pixels are class ids: grey levels, or the indices of a palette.

    Parameters
    ----------
    size
        (H, W) that it must have.

    Returns
    -------
    int64 [H, W].

    Raises
    ------
    InputError
        If it cannot be opened, is a color picture or has another size.
    """
    from PIL import Image

    open_image(path)  # raises the errors of a bad picture, as everywhere else
    with Image.open(path) as image:
        load_pixels(image)
        labels = np.asarray(image.convert("L") if image.mode == "1" else image)
    if labels.ndim != 2 or labels.dtype.kind not in "iu":
        raise InputError("is a color picture, not a mask", where=str(path), remedy=REMEDY)
    if labels.shape != size:
        raise InputError(
            f"is {labels.shape[1]}×{labels.shape[0]}, its picture {size[1]}×{size[0]}",
            where=str(path),
            remedy="give a mask of the picture's size",
        )
    return labels.astype(np.int64)


def class_masks(labels: NDArray[np.int64], categories: Mapping[str, int]) -> dict[int, Mask]:
    """Return the mask, bool [H, W], of each class in an image of class ids."""
    return {n: labels == n for n in set(categories.values()) & set(np.unique(labels).tolist())}


def segmentation_mask(segmentation: Any, size: tuple[int, int], where: str) -> Mask:
    """Rasterize a COCO segmentation: polygons, run lengths or compressed run lengths.

    Parameters
    ----------
    segmentation
        A list of polygons [x0, y0, x1, y1, ...], or ``{"size": [H, W], "counts": ...}`` with
        column-wise run lengths, as numbers or in COCO's compressed text.
    size
        (H, W) of the picture.

    Returns
    -------
    bool [H, W].

    Raises
    ------
    InputError
        If it is none of these, or does not fit the picture.
    SetupError
        If it holds polygons and pycocotools is missing.
    """
    if isinstance(segmentation, list):
        return _polygons(segmentation, size, where)
    if not isinstance(segmentation, dict) or segmentation.get("size") != list(size):
        raise _bad(where)
    counts = segmentation.get("counts")
    if isinstance(counts, str):
        counts = unpacked_counts(counts, where)
    if (
        not isinstance(counts, list)
        or not all(type(count) is int and count >= 0 for count in counts)
        or sum(counts) != size[0] * size[1]
    ):
        raise _bad(where)
    runs = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return np.ascontiguousarray(runs.reshape(size[1], size[0]).T)


def unpacked_counts(text: str, where: str) -> list[int]:
    """Decode COCO's compressed run lengths: base 32, in ASCII characters from 48 on.

    Each character holds five bits, the lowest first; its sixth bit says that more follow, and the
    fifth bit of the last one is the sign. From the fourth number on, a number is the difference
    from the number two places before.
    """
    counts: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or shift > 30:
            raise _bad(where)
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        counts.append(value + counts[-2] if len(counts) > 2 else value)
        value = shift = 0
    if shift:
        raise _bad(where)
    return counts


def _polygons(polygons: Sequence[Any], size: tuple[int, int], where: str) -> Mask:
    height, width = size
    for polygon in polygons:
        numbers = polygon if isinstance(polygon, list) else []
        fits = all(
            isinstance(x, int | float) and -width <= x <= 2 * width for x in numbers[::2]
        ) and all(isinstance(y, int | float) and -height <= y <= 2 * height for y in numbers[1::2])
        if len(numbers) < 6 or len(numbers) % 2 or not fits:
            raise _bad(where)
    if not polygons:
        return np.zeros(size, bool)
    try:
        from pycocotools import mask
    except ImportError as error:
        raise SetupError(
            "pycocotools is missing",
            where="COCO polygons",
            remedy="pip install 'token-activation-map[evaluate]'",
        ) from error
    drawn = mask.frPyObjects(polygons, height, width)
    texts = ({"size": list(size), "counts": piece["counts"].decode()} for piece in drawn)
    return np.asarray(np.any([segmentation_mask(text, size, where) for text in texts], axis=0))


def _bad(where: str) -> InputError:
    return InputError("is not a segmentation of its picture", where=where, remedy=REMEDY)
