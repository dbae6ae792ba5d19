"""Checkpoints of the second stage, from which a training is resumed."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from tam.photo.training.speaking import Progress


def save_checkpoint(
    path: Path, stored: Mapping[str, torch.nn.Parameter], progress: Progress
) -> None:
    """Write a checkpoint, completely or not at all: the weights, the state of Adam, and the step.

    Parameters
    ----------
    path
        The safetensors file.
    stored
        All weights that the training can change, by name.
    progress
        The state of the training.
    """
    tensors = {name: weights.detach().contiguous() for name, weights in stored.items()}
    for index, state in progress.optimizer.state_dict()["state"].items():
        for name, value in state.items():
            tensors[f"optimizer.{index}.{name}"] = value.contiguous()
    temporary = path.with_suffix(".part")
    save_file(tensors, temporary, {"step": str(progress.step)})
    temporary.replace(path)


@torch.no_grad()
def resume(path: Path, stored: Mapping[str, torch.nn.Parameter], progress: Progress) -> None:
    """Read a checkpoint of :func:`save_checkpoint` into the weights and the progress, in place."""
    with safe_open(path, "pt") as file:
        progress.step = int((file.metadata() or {})["step"])
    tensors = load_file(path)
    for name, weights in stored.items():
        weights.copy_(tensors[name])
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            _, index, moment = name.split(".")
            state.setdefault(int(index), {})[moment] = tensor
    whole = progress.optimizer.state_dict()
    progress.optimizer.load_state_dict(whole | {"state": state})
