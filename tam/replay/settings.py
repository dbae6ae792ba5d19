"""Settings of a model that hold for one pass, and are put back whatever ends it."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from tam.capture.module_state import configurations


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
def attention_by(name: str, model: nn.Module, layers: nn.ModuleList) -> Iterator[None]:
    """Let some layers compute attention in the way of a name that transformers knows.

    ``"eager"`` is the one that gives its weights.
    """
    configs = configurations(model)
    kept = [config._attn_implementation for config in configs]
    chosen = {id(config) for config in configurations(layers)}
    # Setting a configuration sets those inside it too. They come later in the list.
    for config, own in zip(configs, kept, strict=True):
        config._attn_implementation = name if id(config) in chosen else own
    try:
        yield
    finally:
        for config, own in zip(configs, kept, strict=True):
            config._attn_implementation = own
