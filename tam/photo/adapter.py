"""The bundled low-rank adapter (LoRA) of the photo model's language model, and its file.

Each linear layer's weight W becomes ``W + 2 · B @ A`` with A of shape [rank, inputs] and B of shape
[outputs, rank] (Hu et al. 2021, arXiv 2106.09685).
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

SCALE = 2
"""The factor of the adapter's part."""


def save_adapter(pairs: Mapping[str, tuple[torch.Tensor, torch.Tensor]], path: Path) -> None:
    """Write an adapter in float16.

    Parameters
    ----------
    pairs
        A and B of each layer, by the layer's name in ``LlamaForCausalLM``.
    path
        The file.
    """
    stored = {
        f"{name}.{part}": tensor.detach().half().cpu().contiguous()
        for name, pair in pairs.items()
        for part, tensor in zip("AB", pair, strict=True)
    }
    save_file(stored, path)


def open_adapter(path: Path) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Return A and B of each layer, in float32, of a file that :func:`save_adapter` wrote."""
    stored = load_file(path)
    layers = sorted({name.rpartition(".")[0] for name in stored})
    return {name: (stored[f"{name}.A"].float(), stored[f"{name}.B"].float()) for name in layers}


@torch.no_grad()
def with_adapter(
    weights: Mapping[str, torch.Tensor], pairs: Mapping[str, tuple[torch.Tensor, torch.Tensor]]
) -> dict[str, torch.Tensor]:
    """Return weights with an adapter's part added, in float32.

    Parameters
    ----------
    weights
        Weights by their names in ``LlamaForCausalLM``.
    pairs
        A and B of each layer, as :func:`open_adapter` returns them.

    Raises
    ------
    KeyError
        If the weights have no layer that the adapter has.
    """
    changed = dict(weights)
    for name, (first, second) in pairs.items():
        changed[f"{name}.weight"] = weights[f"{name}.weight"].float() + SCALE * second @ first
    return changed
