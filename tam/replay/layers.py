"""The layers of a model, looked up by the names that users give."""

import re
from typing import TYPE_CHECKING

from torch import nn

from tam.errors import InputError, ModelError
from tam.families.adapter import Adapter

if TYPE_CHECKING:
    from transformers import PreTrainedModel

LayerName = int | str
"""A layer of the language model by its number, from 0 or from the end (-1); ``"input"`` for the
input of its first layer; or a layer of the vision tower, such as ``"vision.0"`` or
``"vision.-1"``."""

_VISION = re.compile(r"vision\.(-?\d+)")


def language_layers(model: "PreTrainedModel", adapter: Adapter) -> nn.ModuleList:
    """Return the layers of the language model, in order.

    Raises
    ------
    ModelError
        If the decoder does not have exactly one list of layers.
    """
    decoder = adapter.decoder(model)
    lists = [child for child in decoder.children() if isinstance(child, nn.ModuleList)]
    if len(lists) != 1:
        raise ModelError(
            f"the decoder has {len(lists)} lists of layers instead of one",
            where=type(decoder).__name__,
            remedy="use a method that needs no layer, such as tam",
        )
    return lists[0]


def vision_layers(model: "PreTrainedModel", adapter: Adapter) -> nn.ModuleList:
    """Return the layers of the vision tower.

    They are the only list of layers with attention outside the language model.

    Raises
    ------
    ModelError
        If there is no such list, or more than one.
    """
    inside = set(language_layers(model, adapter).modules())
    lists = [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, nn.ModuleList)
        and module not in inside
        and "audio" not in name
        and all(_attends(layer) for layer in module)
    ]
    if len(lists) != 1:
        found = ", ".join(name for name, _ in lists) or "none"
        raise ModelError(
            f"the layers of the vision tower are ambiguous (found: {found})",
            where=type(model).__name__,
            remedy="choose a layer of the language model",
        )
    return lists[0][1]


def final_norm(model: "PreTrainedModel", adapter: Adapter) -> nn.Module:
    """Return the norm between the last layer and the head: the decoder's ``norm``, or its only one.

    Raises
    ------
    ModelError
        If the decoder has no norm, or several norms with other names.
    """
    decoder = adapter.decoder(model)
    norms = {
        name: child
        for name, child in decoder.named_children()
        if type(child).__name__.lower().endswith("norm")
    }
    if "norm" in norms:
        return norms["norm"]
    if len(norms) != 1:
        raise ModelError(
            f"the decoder has {len(norms)} norms, none of them called 'norm', so its final norm is "
            "not known",
            where=type(decoder).__name__,
            remedy="use a method that reads only the last hidden states, such as tam",
        )
    return next(iter(norms.values()))


def numbered(layers: nn.ModuleList, index: int, name: LayerName) -> int:
    """Return a layer's index from 0.

    Raises
    ------
    InputError
        If there is no such layer.
    """
    if not -len(layers) <= index < len(layers):
        raise InputError(
            f"unknown layer {name!r}",
            where="layer",
            remedy=f"layers are numbered 0 to {len(layers) - 1}, or -1 to {-len(layers)} from the "
            "end",
        )
    return index % len(layers)


def parsed(name: LayerName) -> tuple[str, int]:
    """Parse a name into ``"input"``, ``"language"`` or ``"vision"``, and a number.

    Raises
    ------
    InputError
        If it is not the name of a layer.
    """
    if isinstance(name, int):
        return "language", name
    if name == "input":
        return "input", 0
    if isinstance(name, str) and (match := _VISION.fullmatch(name)):
        return "vision", int(match[1])
    raise InputError(
        f"{name!r} is not the name of a layer",
        where="layer",
        remedy="give a number, 'input', or a layer of the vision tower such as 'vision.-1'",
    )


def _attends(layer: nn.Module) -> bool:
    return any("attention" in type(module).__name__.lower() for module in layer.modules())
