"""Settings of a model for one pass, restored when it ends."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from tam.capture.module_state import configurations


@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """Disable ``requires_grad`` on all parameters; a pass enables gradients where it needs them."""
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for parameter in trainable:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trainable:
            parameter.requires_grad_(True)


@contextmanager
def attention_by(name: str, model: nn.Module, part: nn.Module) -> Iterator[None]:
    """Switch a part of a model to an attention implementation of transformers, by its name.

    ``"eager"`` is the implementation that returns its weights.
    """
    configs = configurations(model)
    kept = [config._attn_implementation for config in configs]
    chosen = {id(config) for config in configurations(part)}
    # Setting a configuration also sets its sub-configurations; they come later in the list.
    for config, own in zip(configs, kept, strict=True):
        config._attn_implementation = name if id(config) in chosen else own
    try:
        yield
    finally:
        for config, own in zip(configs, kept, strict=True):
            config._attn_implementation = own
