"""Fingerprints of a model's weights, so that a folder never mixes results of different weights."""

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from tam.errors import OutputError
from tam.files.reading import read_json
from tam.files.writing import rewriting_file

if TYPE_CHECKING:
    from transformers import PreTrainedModel

WEIGHTS = "weights.json"
"""The file of a folder of results that holds the fingerprint of each model by its name."""

_VALUES = 1024
"""The number of values of each tensor that count, about; evenly spaced."""
_REMEDY = "name another folder"


def fingerprint(module: "PreTrainedModel") -> str:
    """Return a digest of a model's weights: 64 hexadecimal digits.

    The names, dtypes and shapes of all parameters and buffers count, and about a thousand evenly
    spaced values of each tensor. So it changes with any training, adapter or quantization, but
    hardly with an edit of single values. Only names, dtypes and shapes count of weights that are
    kept on disk.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        if not isinstance(tensor, torch.Tensor):
            continue
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        # A model split over processes holds a part of each tensor.
        part = tensor.to_local() if hasattr(tensor, "to_local") else tensor
        if part.device.type == "meta" or not part.numel():
            continue
        values = part.detach().flatten()[:: max(part.numel() // _VALUES, 1)]
        digest.update(values.cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def keep_to_weights(folder: Path, name: str, module: "PreTrainedModel") -> None:
    """Record the weights that a folder's results are measured with, by the model's name.

    Raises
    ------
    OutputError
        If the folder holds results of other weights with the same name.
    """
    path = folder / WEIGHTS
    known = read_json(path, remedy=_REMEDY, kind=OutputError) if path.exists() else {}
    if not isinstance(known, dict):
        raise OutputError("does not hold fingerprints", where=str(path), remedy=_REMEDY)
    found = fingerprint(module)
    if known.get(name, found) != found:
        raise OutputError(
            f"holds results of {name!r} with other weights", where=str(folder), remedy=_REMEDY
        )
    if name not in known:
        with rewriting_file(path) as temporary:
            text = json.dumps({**known, name: found}, indent=1) + "\n"
            temporary.write_text(text, encoding="utf-8")
