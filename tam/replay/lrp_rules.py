"""The rules of AttnLRP for one pass: hooks on norms and gates, and the share of biases.

A norm is recognised by its effect (it divides its input, or its input less the mean, by the root
mean square and multiplies by weights), gates and activations by the names of their parts in
transformers. A module with parameters of another kind is refused by name.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from tam.errors import ModelError
from tam.replay.lrp_attention import half_gradient, proportional
from tam.replay.passing import Hooks

_ACTIVATIONS = ("act_fn", "activation_fn", "act", "activation")
_LINEAR = ("Linear", "Linear4bit", "Linear8bitLt", "NonDynamicallyQuantizableLinear")
# How far a norm may be off what it is taken for: rounding, and the small number under its root.
_TOLERANCE = 0.05


class Rules:
    """Hooks that give a pass the gradients of AttnLRP, and keep its parts for their sum.

    Parameters
    ----------
    layers
        The layers of the language model.
    final_norm, head
        The modules after the layers.

    Attributes
    ----------
    entering
        The input of each layer, [1, L, D].
    leaving
        The output of each layer.
    biased
        Outputs of modules with a bias, and the bias.
    logits
        The output of the head, [1, P, V].

    Raises
    ------
    ModelError
        If a layer holds a module without a rule.
    """

    def __init__(self, layers: nn.ModuleList, final_norm: nn.Module, head: nn.Module) -> None:
        self._layers, self._final_norm, self._head = layers, final_norm, head
        self.entering: list[torch.Tensor] = []
        self.leaving: list[torch.Tensor] = []
        self.biased: list[tuple[torch.Tensor, torch.Tensor]] = []
        self.logits: list[torch.Tensor] = []
        self._norms = [final_norm]
        self._activations: list[nn.Module] = []
        self._halved: list[nn.Module] = []
        self._linear: list[nn.Module] = [head]
        for layer in layers:
            self._sort(layer)

    def hooks(self) -> Hooks:
        """The hooks of one pass."""
        before: list[tuple[nn.Module, Any]] = [(layer, self._enters) for layer in self._layers]
        # The last hook runs first: biases and activations are seen before the gradient is halved.
        after: list[tuple[nn.Module, Any]] = [(module, _half) for module in self._halved]
        after += [(norm, self._normed) for norm in self._norms]
        after += [(module, self._activated) for module in self._activations]
        after += [(module, self._added) for module in self._linear if _bias(module) is not None]
        after += [(layer, self._leaves) for layer in self._layers]
        after.append((self._head, self._scored))
        return Hooks(before, after)

    def _sort(self, layer: nn.Module) -> None:
        for module in layer.modules():
            names = {name for name, _ in module.named_children()}
            activations = [getattr(module, name) for name in _ACTIVATIONS if name in names]
            self._activations += activations
            if {"gate_proj", "up_proj"} <= names:
                self._halved += [module.get_submodule("up_proj"), *activations]
            elif "gate_up_proj" in names:
                self._halved.append(module.get_submodule("gate_up_proj"))
            if isinstance(module, nn.Linear) or type(module).__name__ in _LINEAR:
                self._linear.append(module)
            elif "norm" in type(module).__name__.lower():
                self._norms.append(module)
            elif next(module.parameters(recurse=False), None) is not None:
                raise _unknown(module)

    def _enters(self, _module: nn.Module, args: Any, kwargs: dict[str, Any]) -> Any:
        states = args[0] if args else kwargs["hidden_states"]
        if not self.entering:
            states = states.detach().requires_grad_()
        self.entering.append(states)
        # Later code may write into the states in place.
        given = states.clone()
        return ((given, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": given})

    def _leaves(self, _module: nn.Module, _args: Any, output: Any) -> None:
        self.leaving.append(output[0] if isinstance(output, tuple) else output)

    def _normed(self, module: nn.Module, args: Any, output: torch.Tensor) -> torch.Tensor:
        if len(args) > 1 or not isinstance(output, torch.Tensor):
            raise _unknown(module)
        bias = _bias(module)
        shift = 0 if bias is None else bias.float()
        scaled = output.float() - shift
        whole = args[0].float()
        centered = whole - whole.mean(-1, keepdim=True)
        found = [(_off(scaled, entering), entering) for entering in (whole, centered)]
        off, entering = min(found, key=lambda pair: pair[0])
        if not off <= _TOLERANCE:
            raise _unknown(module)
        normed = (proportional(scaled, entering) + shift).to(output.dtype)
        if bias is not None:
            self.biased.append((normed, bias))
        return normed

    def _activated(self, _module: nn.Module, args: Any, output: torch.Tensor) -> torch.Tensor:
        return proportional(output.float(), args[0].float()).to(output.dtype)

    def _added(self, module: nn.Module, _args: Any, output: torch.Tensor) -> None:
        bias = _bias(module)
        assert bias is not None, "hooked for its bias"
        if module is not self._head:
            self.biased.append((output, bias))

    def _scored(self, _module: nn.Module, _args: Any, output: torch.Tensor) -> None:
        self.logits.append(output)

    def injected(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """The states that are added from outside, before the first layer and between layers.

        Yields
        ------
        The states that enter a layer, with the graph, and the part of them that the layer before
        did not give, both [1, L, D].
        """
        yield self.entering[0], self.entering[0].detach()
        for before, states in zip(self.leaving, self.entering[1:], strict=False):
            if states is not before:
                yield states, (states - before).detach()


def _half(_module: nn.Module, _args: Any, output: torch.Tensor) -> torch.Tensor:
    return half_gradient(output)


def _bias(module: nn.Module) -> torch.Tensor | None:
    bias = getattr(module, "bias", None)
    return bias.detach() if isinstance(bias, torch.Tensor) else None


def _off(output: torch.Tensor, entering: torch.Tensor) -> float:
    """How far an output is from its input over the input's root mean square, times some weights.

    The weights are fitted. Relative to the output's size; 0 for a norm of that input.
    """
    given, states = (values.detach().flatten(0, -2) for values in (output, entering))
    unit = states / states.square().mean(-1, keepdim=True).sqrt().clamp(min=1e-12)
    weights = (given * unit).sum(0) / unit.square().sum(0).clamp(min=1e-12)
    size = float(given.square().mean().sqrt())
    return float((given - weights * unit).square().mean().sqrt()) / max(size, 1e-12)


def _unknown(module: nn.Module) -> ModelError:
    return ModelError(
        "AttnLRP has no rule for this kind of module",
        where=type(module).__name__,
        remedy="use another method, such as relevancy",
    )
