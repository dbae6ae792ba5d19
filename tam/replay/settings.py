"""Settings of a model that hold for one pass, and are put back whatever ends it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn
from transformers import PreTrainedConfig


@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """Let no parameter want a gradient: a graph then begins where a pass is asked for one."""
    wanting = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for parameter in wanting:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in wanting:
            parameter.requires_grad_(True)


@contextmanager
def eager_attention(model: nn.Module, layers: nn.ModuleList) -> Iterator[None]:
    """Let some layers compute attention in the way that gives its weights."""
    configs = _configs(model)
    kept = [config._attn_implementation for config in configs]
    eager = {id(config) for config in _configs(layers)}
    # Setting a configuration sets those inside it too. They come later in the list.
    for config, own in zip(configs, kept, strict=True):
        config._attn_implementation = "eager" if id(config) in eager else own
    try:
        yield
    finally:
        for config, own in zip(configs, kept, strict=True):
            config._attn_implementation = own


def _configs(module: nn.Module) -> list[Any]:
    """The configurations that some modules read, each before those that it holds."""
    found: dict[int, Any] = {}

    def add(config: Any) -> None:
        if isinstance(config, PreTrainedConfig) and id(config) not in found:
            found[id(config)] = config
            for name in config.sub_configs:
                add(getattr(config, name, None))

    for part in module.modules():
        add(getattr(part, "config", None))
    return list(found.values())
