"""State that model code stores on its modules between forward passes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedConfig

# Flags, hooks and containers are settings of the model's user, not results of a forward pass.
_KINDS = (torch.Tensor, type(None), int, float)
_OF_EVERY_MODULE = frozenset(vars(nn.Module()))
_OF_CONFIGURATIONS = ("_attn_implementation_internal", "_experts_implementation_internal")


@dataclass(frozen=True, eq=False)
class ModuleState:
    """Tensors, numbers and None among the attributes and buffers of a model's modules.

    These include, for example, ``rope_deltas`` (Qwen2-VL and related models), cached rotary
    frequencies, and the attention implementation that a configuration names. Tensors are held by
    reference, so in-place changes to them are not undone.

    Parameters
    ----------
    values
        The namespace of each module and configuration, and its saved values.
    """

    values: tuple[tuple[dict[str, Any], dict[str, Any]], ...]

    def restore(self) -> None:
        """Restore all saved values, and delete values that were added since."""
        for namespace, values in self.values:
            for name in [name for name in _kept(namespace) if name not in values]:
                del namespace[name]
            namespace.update(values)


def read_state(model: nn.Module) -> ModuleState:
    """Read the current state of a model."""
    return ModuleState(tuple((space, _kept(space)) for space in _namespaces(model)))


def configurations(module: nn.Module) -> list[Any]:
    """Return the configurations of a module and its parts, each before its sub-configurations."""
    configs: dict[int, Any] = {}

    def add(config: Any) -> None:
        if isinstance(config, PreTrainedConfig) and id(config) not in configs:
            configs[id(config)] = config
            for name in config.sub_configs:
                add(getattr(config, name, None))

    for part in module.modules():
        add(getattr(part, "config", None))
    return list(configs.values())


def _namespaces(model: nn.Module) -> Iterator[dict[str, Any]]:
    for module in model.modules():
        yield vars(module)
        if module._buffers:
            yield module._buffers
    for config in configurations(model):
        yield vars(config)


def _kept(namespace: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in namespace.items()
        if (isinstance(value, _KINDS) and type(value) is not bool and name not in _OF_EVERY_MODULE)
        or name in _OF_CONFIGURATIONS
    }
