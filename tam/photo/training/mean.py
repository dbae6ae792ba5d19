"""``python -m tam.photo.training.mean FIRST SECOND`` averages the weights of two trainings.

The second continued from the first. What the second learned of new pictures and what it forgot of
others can both be halved by the mean of their weights, and often less is lost than won (Wortsman
et al. 2022, arXiv 2109.01903).
"""

import argparse
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from tam.errors import InputError, ended_in_one_line, os_errors_as_tam_errors
from tam.model.assembled import FROZEN, assembled_folder
from tam.photo.adapter import open_adapter
from tam.photo.training.result import ADAPTER, PROJECTOR, write_model

_REMEDY = "give the folder of a training with an adapter"


def mean(first: Path, second: Path, share: float) -> dict[str, torch.Tensor]:
    """Return the mean of two files' tensors, in float16.

    Parameters
    ----------
    first, second
        Files with the same tensors.
    share
        The weight of the second, from 0 to 1; the first has the rest.

    Raises
    ------
    InputError
        If a file cannot be read, or they differ in their tensors' names or shapes.
    """
    one, other = _opened(first), _opened(second)
    if {name: w.shape for name, w in one.items()} != {name: w.shape for name, w in other.items()}:
        raise InputError(f"holds other tensors than {first}", where=str(second), remedy=_REMEDY)
    return {
        name: ((1 - share) * weights.float() + share * other[name].float()).half()
        for name, weights in one.items()
    }


def _opened(path: Path) -> dict[str, torch.Tensor]:
    with os_errors_as_tam_errors(path, doing="read", remedy=_REMEDY, kind=InputError):
        return dict(load_file(path))


def write_mean(model: Path, first: Path, second: Path, share: float, out: Path) -> None:
    """Write the mean of two trainings' projectors and adapters, and a model that has them.

    Parameters
    ----------
    model
        An assembled model without an adapter.
    first, second, out
        The folders of both trainings and of the result, laid out alike.
    share
        The weight of the second training, from 0 to 1.
    """
    out.mkdir(parents=True, exist_ok=True)
    for name in (PROJECTOR, ADAPTER):
        save_file(mean(first / name, second / name, share), out / name)
    write_model(model, out / "model", load_file(out / PROJECTOR), open_adapter(out / ADAPTER))


def main() -> None:
    """Parse the command line and write the mean."""
    parser = argparse.ArgumentParser(prog="python -m tam.photo.training.mean", description=__doc__)
    parser.add_argument("first", type=Path, help="folder of a training with an adapter")
    parser.add_argument("second", type=Path, help="folder of one that continued from it")
    parser.add_argument("--share", type=float, default=0.5, help="weight of the second, 0 to 1")
    parser.add_argument("--out", type=Path, required=True, help="folder for the result")
    given = parser.parse_args()
    if not 0 <= given.share <= 1:
        parser.error("--share must be from 0 to 1")
    write_mean(assembled_folder(FROZEN), given.first, given.second, given.share, given.out)
    print(given.out / "model")


if __name__ == "__main__":
    with ended_in_one_line():
        main()
