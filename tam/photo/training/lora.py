"""A low-rank adapter (LoRA) that is trained on the language model together with the projector.

Only the adapter's matrices A and B are trained, see :mod:`tam.photo.adapter`. B begins at 0, so the
language model begins as published, or a stored adapter is trained further.
"""

import importlib.util
from pathlib import Path
from typing import Any

import torch

from tam.errors import InputError, SetupError
from tam.photo.adapter import SCALE, open_adapter


def add_lora(language: Any, rank: int, seed: int) -> None:
    """Put an untrained adapter on all linear layers of a frozen language model, in place.

    Parameters
    ----------
    language
        A ``LlamaForCausalLM``.
    rank, seed
        The adapter's rank, and the seed of its initial weights.

    Raises
    ------
    SetupError
        If PEFT is not installed.
    """
    if importlib.util.find_spec("peft") is None:
        raise SetupError(
            "a low-rank adapter needs the package peft",
            where="lora",
            remedy="install it with: pip install 'token-activation-map[peft]'",
        )
    from peft import LoraConfig, inject_adapter_in_model

    torch.manual_seed(seed)
    config = LoraConfig(r=rank, lora_alpha=SCALE * rank, target_modules="all-linear")
    inject_adapter_in_model(config, language)
    for weights in lora_weights(language).values():
        # Adam's small steps would be lost in bfloat16.
        weights.data = weights.data.float()


def lora_weights(language: Any) -> dict[str, torch.nn.Parameter]:
    """Return the adapter's weights by name; without an adapter there are none."""
    return {name: weights for name, weights in language.named_parameters() if "lora_" in name}


@torch.no_grad()
def load_lora(language: Any, path: Path) -> None:
    """Load a stored adapter into the untrained one of :func:`add_lora`, in place.

    Raises
    ------
    InputError
        If the two differ in their layers or in rank.
    """
    stored, pairs = open_adapter(path), lora_pairs(language)
    fits = stored.keys() == pairs.keys() and all(
        [part.shape for part in pair] == [part.shape for part in stored[name]]
        for name, pair in pairs.items()
    )
    if not fits:
        raise InputError(
            "is an adapter of other layers or of another rank",
            where=str(path),
            remedy="give the rank with which it was trained",
        )
    for name, pair in pairs.items():
        for weights, saved in zip(pair, stored[name], strict=True):
            weights.copy_(saved)


def lora_pairs(language: Any) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Return A and B of each layer with an adapter, by the layer's name without one."""
    return {
        name: (layer.lora_A["default"].weight, layer.lora_B["default"].weight)
        for name, layer in language.named_modules()
        if hasattr(layer, "get_delta_weight")
    }
