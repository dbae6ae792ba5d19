"""The rules of AttnLRP for one pass: hooks on norms and gates, and the share of biases.

A norm is recognised by what it computes (it divides its input, or its input minus the mean, by the
root of the mean square and its epsilon, and multiplies by weights), gates and activations by the
names of their submodules in transformers. Any other module with parameters is refused by name.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from tam.errors import ModelError
from tam.replay.lrp_attention import half_gradient, proportional
from tam.replay.passing import Hooks, registered

_ACTIVATIONS = ("act_fn", "activation_fn", "act", "activation")
LINEAR = ("Linear", "Linear4bit", "Linear8bitLt", "NonDynamicallyQuantizableLinear")
"""Names of the classes of linear maps."""

# The names under which norms keep the epsilon that they add under the root.
_EPSILONS = ("eps", "variance_epsilon", "epsilon")
# The largest relative error of a recognised norm, from rounding.
_TOLERANCE = 0.05


class Rules:
    """Hooks that give a pass the gradients of AttnLRP and keep the tensors for its decomposition.

    Parameters
    ----------
    layers
        The layers of the language model.
    final_norm, head
        The modules after the layers.

    Attributes
    ----------
    inputs
        The input of each layer, [1, L, D].
    outputs
        The output of each layer, [1, L, D].
    biased
        Tensors to which something is added, each with what is added: the outputs of modules with a
        bias and the biases.
    logits
        The output of the head, [1, P, V].

    Raises
    ------
    ModelError
        If a layer contains a module without a rule.
    """

    whole_model = False
    """Whether the rules are for the whole model instead of the language model alone."""

    pixels: Mapping[str, torch.Tensor] = MappingProxyType({})
    """The pixel inputs with their graph; none if the rules are for the language model alone."""

    def __init__(self, layers: nn.ModuleList, final_norm: nn.Module, head: nn.Module) -> None:
        self._layers, self._final_norm, self._head = layers, final_norm, head
        self.inputs: list[torch.Tensor] = []
        self.outputs: list[torch.Tensor] = []
        self.biased: list[tuple[torch.Tensor, torch.Tensor]] = []
        self.logits: list[torch.Tensor] = []
        self._norms = [final_norm]
        self._activations: list[nn.Module] = []
        self._halved: list[nn.Module] = []
        self._linear: list[nn.Module] = [head]
        for layer in layers:
            self._classify(layer)

    def hooks(self) -> Hooks:
        """Return the hooks of one pass."""
        before: list[tuple[nn.Module, Any]] = [(layer, self._keep_input) for layer in self._layers]
        # The last hook runs first: biases and activations are kept before the gradient is halved.
        after: list[tuple[nn.Module, Any]] = [(module, _half) for module in self._halved]
        after += [(norm, self._apply_norm_rule) for norm in self._norms]
        after += [(module, self._apply_activation_rule) for module in self._activations]
        after += [(module, self._keep_bias) for module in self._linear if _bias(module) is not None]
        after += [(layer, self._keep_output) for layer in self._layers]
        after.append((self._head, self._keep_logits))
        return Hooks(before, after)

    @contextmanager
    def active(self) -> Iterator[None]:
        """Register the hooks for the duration of the block."""
        with registered(self.hooks()):
            yield

    def _classify(self, layer: nn.Module) -> None:
        for module in layer.modules():
            self._activations += _activations(module)
            self._halved += gated(module)
            if isinstance(module, nn.Linear) or type(module).__name__ in LINEAR:
                self._linear.append(module)
            elif "norm" in type(module).__name__.lower():
                self._norms.append(module)
            elif next(module.parameters(recurse=False), None) is not None:
                raise _unknown(module)

    def _keep_input(self, _module: nn.Module, args: Any, kwargs: dict[str, Any]) -> Any:
        states = args[0] if args else kwargs["hidden_states"]
        if not self.inputs and not self.whole_model:
            states = states.detach().requires_grad_()
        self.inputs.append(states)
        # Pass on a copy, because later code may write into the states in place.
        copy = states.clone()
        return ((copy, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": copy})

    def _keep_output(self, _module: nn.Module, _args: Any, output: Any) -> None:
        self.outputs.append(output[0] if isinstance(output, tuple) else output)

    def _apply_norm_rule(self, module: nn.Module, args: Any, output: torch.Tensor) -> torch.Tensor:
        if len(args) != 1 or not isinstance(output, torch.Tensor):
            raise _unknown(module)
        bias = _bias(module)
        shift = 0 if bias is None else bias.float()
        scaled = output.float() - shift
        whole = args[0].float()
        centered = whole - whole.mean(-1, keepdim=True)
        # RMSNorm divides the whole input, LayerNorm the centred one.
        epsilon = _epsilon(module)
        errors = [(_norm_error(scaled, inputs, epsilon), inputs) for inputs in (whole, centered)]
        error, inputs = min(errors, key=lambda pair: pair[0])
        if not error <= _TOLERANCE:
            raise _unknown(module)
        normed = (proportional(scaled, inputs) + shift).to(output.dtype)
        # The inputs may be a transposed view, which later code could not reshape in place.
        normed = normed.contiguous()
        if bias is not None:
            self.biased.append((normed, bias))
        return normed

    def _apply_activation_rule(
        self, _module: nn.Module, args: Any, output: torch.Tensor
    ) -> torch.Tensor:
        return proportional(output.float(), args[0].float()).to(output.dtype)

    def _keep_bias(self, module: nn.Module, _args: Any, output: torch.Tensor) -> None:
        bias = _bias(module)
        assert bias is not None, "only modules with a bias have this hook"
        if module is not self._head:
            self.biased.append((output, bias))

    def _keep_logits(self, _module: nn.Module, _args: Any, output: torch.Tensor) -> None:
        self.logits.append(output)

    def injected(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield the states that are added from outside, before the first layer and between layers.

        Yields
        ------
        tuple of torch.Tensor
            The input of a layer, with its graph, and the part of it that is not the output of the
            layer before, both [1, L, D].
        """
        yield self.inputs[0], self.inputs[0].detach()
        for previous, states in zip(self.outputs, self.inputs[1:], strict=False):
            if states is not previous:
                yield states, (states - previous).detach()


def gated(module: nn.Module) -> list[nn.Module]:
    """Return the children of a gated block whose outputs are multiplied; none of other modules."""
    names = {name for name, _ in module.named_children()}
    if {"gate_proj", "up_proj"} <= names:
        return [module.get_submodule("up_proj"), *_activations(module)]
    return [module.get_submodule("gate_up_proj")] if "gate_up_proj" in names else []


def _activations(module: nn.Module) -> list[nn.Module]:
    names = {name for name, _ in module.named_children()}
    return [module.get_submodule(name) for name in _ACTIVATIONS if name in names]


def _half(_module: nn.Module, _args: Any, output: torch.Tensor) -> torch.Tensor:
    return half_gradient(output)


def _bias(module: nn.Module) -> torch.Tensor | None:
    bias = getattr(module, "bias", None)
    return bias.detach() if isinstance(bias, torch.Tensor) else None


def _epsilon(module: nn.Module) -> float:
    """Return what a norm adds to the mean square; 0 if it does not tell."""
    found = [getattr(module, name, None) for name in _EPSILONS]
    return float(next((value for value in found if isinstance(value, float)), 0.0))


def _norm_error(output: torch.Tensor, inputs: torch.Tensor, epsilon: float) -> float:
    """Return the relative error of an output as a weighted RMS normalisation of its inputs.

    The weights are fitted by least squares. The error is 0 if the output is such a norm.
    """
    actual, states = (values.detach().flatten(0, -2) for values in (output, inputs))
    unit = states / (states.square().mean(-1, keepdim=True) + epsilon).sqrt().clamp(min=1e-12)
    weights = (actual * unit).sum(0) / unit.square().sum(0).clamp(min=1e-12)
    size = float(actual.square().mean().sqrt())
    return float((actual - weights * unit).square().mean().sqrt()) / max(size, 1e-12)


def _unknown(module: nn.Module) -> ModelError:
    return ModelError(
        "AttnLRP has no rule for this kind of module",
        where=type(module).__name__,
        remedy="use another method, such as relevancy",
    )
