"""A low-rank adapter (LoRA) that is trained on the language model together with the projector.

Only the adapter's matrices A and B are trained, see :mod:`tam.photo.adapter`. B begins at 0, so the
language model begins as published.
"""

import importlib.util
from typing import Any

import torch

from tam.errors import SetupError
from tam.photo.adapter import SCALE


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


def lora_pairs(language: Any) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Return A and B of each layer with an adapter, by the layer's name without one."""
    return {
        name: (layer.lora_A["default"].weight, layer.lora_B["default"].weight)
        for name, layer in language.named_modules()
        if hasattr(layer, "get_delta_weight")
    }


def merged(language: Any) -> dict[str, torch.Tensor]:
    """Return the weights of the layers with an adapter, with the adapter's part added.

    The names are those of ``LlamaForCausalLM`` without an adapter.
    """
    return {
        f"{name}.weight": (layer.base_layer.weight + layer.get_delta_weight("default")).detach()
        for name, layer in language.named_modules()
        if hasattr(layer, "get_delta_weight")
    }
