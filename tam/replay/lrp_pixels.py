"""The rules of AttnLRP for one pass from the pixels, through the vision tower and the projector.

Biases, position embeddings and class tokens are parameters that the tower adds to its states. They
are made leaves of the graph, so that their part of a score is their gradient times their value.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from tam.errors import ModelError
from tam.replay.lrp_rules import LINEAR, Rules, gated
from tam.replay.passing import Hooks
from tam.replay.pixel_cells import REMEDY
from tam.replay.replay import Replay

# Modules that apply a function to each element: classes of these Python modules.
_ACTIVATIONS = (
    "torch.nn.modules.activation",
    "transformers.activations",
    "timm.layers.activations",
)
_NOT_ELEMENTWISE = (nn.Softmax, nn.LogSoftmax, nn.Softmin, nn.Softmax2d, nn.GLU)
# Parameters that modules of many towers add to states or put between them, by their names. Those of
# a single family are told by its adapter.
_ADDED = (
    "class_embedding",
    "cls_token",
    "image_newline",
    "position_embeddings",
    "positional_embedding",
)
# Parameters that they multiply states with: those of the layer scale.
_FACTORS = ("lambda_1", "lambda_2")


class PixelRules(Rules):
    """Rules that start at the pixels and at the embeddings of the text.

    Parameters
    ----------
    replay
        The recorded run. The tower is all of its model outside of the decoder and the head.

    Attributes
    ----------
    pixels
        The pixel inputs, as leaves of the graph.
    embedded
        The output of the embedding of token ids, [1, L, D].

    Raises
    ------
    ModelError
        If a layer of the decoder contains a module without a rule. A module of the tower without a
        rule is refused when it runs, since many models have parts that are not used.
    """

    whole_model = True

    def __init__(self, replay: Replay) -> None:
        module, head = replay.checkpoint.module, replay.checkpoint.lm_head
        super().__init__(replay.layers, replay.final_norm, head)
        self.pixels = {
            name: value.detach().requires_grad_() for name, value in replay.pixels.items()
        }
        self.embedded: list[torch.Tensor] = []
        self._embedding: nn.Module = module.get_input_embeddings()
        self._leaves: list[tuple[nn.Module, str, torch.Tensor]] = []
        self._in_place: list[Any] = []
        self._without_rule: list[nn.Module] = []
        adapter = replay.checkpoint.adapter
        self._added = {*_ADDED, *adapter.tower_added}
        self._factors = {*_FACTORS, *adapter.tower_factors}
        decoder = adapter.decoder(module)
        outside = {*decoder.modules(), head, self._embedding}
        for part in module.modules():
            if part not in outside:
                self._classify_in_tower(part)

    def hooks(self) -> Hooks:
        """Return the hooks of one pass."""
        hooks = super().hooks()
        hooks.before.extend((module, _refuse) for module in self._without_rule)
        hooks.after.append((self._embedding, self._keep_embedding))
        return hooks

    @contextmanager
    def active(self) -> Iterator[None]:
        """Register the hooks, and exchange the parameters that are added for leaves."""
        with ExitStack() as stack:
            stack.enter_context(super().active())
            for module, name, leaf in self._leaves:
                stack.callback(module._parameters.__setitem__, name, module._parameters[name])
                # nn.Module refuses a plain tensor as a parameter.
                module._parameters[name] = leaf  # type: ignore[assignment]
            for activation in self._in_place:
                # Afterwards, its input would be lost to the rule.
                stack.callback(setattr, activation, "inplace", True)
                activation.inplace = False
            yield

    def injected(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield the embeddings of the text, with their graph and without it, both [1, L, D]."""
        for embedded in self.embedded:
            yield embedded, embedded.detach()

    def _keep_embedding(self, _module: nn.Module, _args: Any, output: torch.Tensor) -> torch.Tensor:
        embedded = output.detach().requires_grad_()
        self.embedded.append(embedded)
        # Pass on a copy, because some families write the picture's features into it in place.
        return embedded.clone()

    def _classify_in_tower(self, module: nn.Module) -> None:
        self._halved += gated(module)
        own = dict(module.named_parameters(recurse=False))
        if isinstance(module, (nn.Linear, _ConvNd)) or type(module).__name__ in LINEAR:
            self._add(module, "bias")
        elif isinstance(module, nn.Embedding):
            self._add(module, "weight")
        elif isinstance(module, _BatchNorm):
            self._add(module, "bias", _shift(module))
        elif "norm" in type(module).__name__.lower():
            self._norms.append(module)
        elif not own and _is_activation(module):
            self._activations.append(module)
            if getattr(module, "inplace", False):
                self._in_place.append(module)
        elif own.keys() <= self._added | self._factors:
            for name in own.keys() & self._added:
                self._add(module, name)
        else:
            self._without_rule.append(module)

    def _add(self, module: nn.Module, name: str, part: torch.Tensor | None = None) -> None:
        """Make a parameter that is added to states a leaf, if the module has it.

        ``part`` is what the module adds in all, if this is not the parameter alone.
        """
        parameter = module._parameters.get(name)
        if parameter is not None:
            leaf = parameter.detach().requires_grad_()
            self._leaves.append((module, name, leaf))
            self.biased.append((leaf, parameter.detach() if part is None else part))


def _is_activation(module: nn.Module) -> bool:
    return type(module).__module__ in _ACTIVATIONS and not isinstance(module, _NOT_ELEMENTWISE)


def _shift(module: _BatchNorm) -> torch.Tensor | None:
    """Return what a batch norm with fixed statistics adds to a multiple of its input."""
    if module.running_mean is None or module.running_var is None or module.bias is None:
        return None
    scale = module.weight / (module.running_var + module.eps).sqrt()
    return (module.bias - scale * module.running_mean).detach()


def _refuse(module: nn.Module, _args: Any, _kwargs: dict[str, Any]) -> None:
    raise ModelError(
        "AttnLRP has no rule for this kind of module in the vision tower",
        where=type(module).__name__,
        remedy=REMEDY,
    )
