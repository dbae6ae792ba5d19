"""The results of a training: the projector, and a model that has it."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from tam.photo.adapter import with_adapter
from tam.photo.training.start import Projector

PROJECTOR, ADAPTER = "projector.safetensors", "adapter.safetensors"
"""The files of a training's result beside the model."""
_WEIGHTS = "model.safetensors"
_PROJECTOR_NAMES = "model.multi_modal_projector."
_LANGUAGE = "model.language_model."


def save_projector(projector: Projector, path: Path) -> None:
    """Write a projector in float16, with the parameter names of transformers' FastVLM class."""
    weights = {n: w.half().cpu().contiguous() for n, w in projector.state_dict().items()}
    save_file(weights, path)


def write_model(
    model: Path,
    target: Path,
    projector: Mapping[str, torch.Tensor],
    adapter: Mapping[str, tuple[torch.Tensor, torch.Tensor]],
) -> None:
    """Write a copy of an assembled model with a trained projector, and with an adapter added.

    Parameters
    ----------
    model
        The folder of the assembled model, without an adapter.
    target
        The folder to write, which is replaced if it exists.
    projector
        The projector's weights by the names of transformers' FastVLM class.
    adapter
        A and B of each layer, see :func:`tam.photo.adapter.with_adapter`; may be empty.
    """
    if target.exists():
        shutil.rmtree(target)
    shutil.copytree(model, target, ignore=shutil.ignore_patterns(_WEIGHTS))
    weights = load_file(model / _WEIGHTS)
    pairs = {
        f"{_LANGUAGE}{name.removeprefix('model.')}": (first.cpu(), second.cpu())
        for name, (first, second) in adapter.items()
    }
    changed = with_adapter(weights, pairs)
    changed |= {f"{_PROJECTOR_NAMES}{name}": w for name, w in projector.items()}
    for name, tensor in changed.items():
        if tensor is not weights[name]:
            weights[name] = tensor.to("cpu", weights[name].dtype, copy=True).contiguous()
    with safe_open(model / _WEIGHTS, "pt") as file:
        metadata = file.metadata()
    save_file(weights, target / _WEIGHTS, metadata)


def load_projector(projector: Projector, path: Path) -> None:
    """Load weights that :func:`save_projector` wrote into a projector, in place."""
    weights: dict[str, torch.Tensor] = load_file(path)
    projector.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
