"""One forward pass over a prompt and its reply, with the tensors that methods read."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn


@dataclass(frozen=True, eq=False)
class Pass:
    """The recorded tensors of one pass, with their autograd graph if gradients were requested.

    Parameters
    ----------
    scores
        float32 [T]: the logit of each target at its context position.
    log_probabilities
        float32 [T]: the targets' log-probabilities, without a graph.
    states
        The outputs [B, S, D] or [S, D] of each requested layer, one for each call of the layer.
    attentions
        [1, H, L, L] for each layer with attention weights, or [1, H, L, S] for each layer with
        cross-attention; empty unless they were requested.
    """

    scores: torch.Tensor
    log_probabilities: torch.Tensor
    states: tuple[list[torch.Tensor], ...]
    attentions: tuple[torch.Tensor, ...]

    def gradients(self, of: Sequence[torch.Tensor]) -> Iterator[tuple[torch.Tensor, ...]]:
        """Yield the gradients of each target's score, with one backward pass for each target.

        Parameters
        ----------
        of
            Tensors of this pass. The gradient is zero for tensors that a score does not depend on.
        """
        for one in torch.eye(len(self.scores), device=self.scores.device):
            yield torch.autograd.grad(
                self.scores, of, one, retain_graph=True, materialize_grads=True
            )


class ActivationHook:
    """Keeps the outputs of a layer, one for each call.

    Parameters
    ----------
    graph
        Whether to start the autograd graph at these states, unless it starts earlier.
    """

    def __init__(self, *, graph: bool) -> None:
        self.graph = graph
        self.seen: list[torch.Tensor] = []

    def output(self, _module: nn.Module, _args: Any, output: Any) -> Any:
        """Keep the output of a layer; its forward hook."""
        states, rest = (output[0], output[1:]) if isinstance(output, tuple) else (output, None)
        states = self._kept(states)
        return states if rest is None else (states, *rest)

    def input(self, _module: nn.Module, args: Any, kwargs: dict[str, Any]) -> Any:
        """Keep the input of a layer; its forward pre-hook."""
        if args:
            return (self._kept(args[0]), *args[1:]), kwargs
        return args, {**kwargs, "hidden_states": self._kept(kwargs["hidden_states"])}

    def _kept(self, states: torch.Tensor) -> torch.Tensor:
        if self.graph and not states.requires_grad:
            states = states.detach().requires_grad_()
        self.seen.append(states)
        # Later code may write into the states in place, which autograd forbids for a leaf.
        return states.clone() if states.requires_grad and states.is_leaf else states


class Attentions:
    """Keeps the attention weights of a layer, which one of its modules returns with its states.

    Parameters
    ----------
    length
        L, the length of the sequence.
    """

    def __init__(self, length: int) -> None:
        self.length = length
        self.seen: list[torch.Tensor] = []

    def output(self, _module: nn.Module, _args: Any, output: Any) -> None:
        """Keep attention weights; a forward hook of the layer's modules."""
        if not isinstance(output, tuple) or len(output) < 2:
            return
        weights = output[1]
        square = (self.length, self.length)
        if isinstance(weights, torch.Tensor) and weights.ndim == 4 and weights.shape[2:] == square:
            self.seen.append(weights)


class CrossAttentions:
    """Keeps the weights that cross-attention modules return with their outputs."""

    def __init__(self) -> None:
        self.seen: list[torch.Tensor] = []

    def output(self, _module: nn.Module, _args: Any, output: Any) -> None:
        """Keep the weights of a cross-attention module; its forward hook."""
        self.seen.append(output[1])


class Replaced:
    """Replaces some of the states in a layer's input.

    Parameters
    ----------
    positions
        int64 [N]: positions of the states to replace.
    states
        [N, D]: the new states.
    """

    def __init__(self, positions: torch.Tensor, states: torch.Tensor) -> None:
        self.positions = positions
        self.states = states

    def input(self, _module: nn.Module, args: Any, kwargs: dict[str, Any]) -> Any:
        """Replace states in the input of a layer; its forward pre-hook."""
        if args:
            return (self._put(args[0]), *args[1:]), kwargs
        return args, {**kwargs, "hidden_states": self._put(kwargs["hidden_states"])}

    def _put(self, states: torch.Tensor) -> torch.Tensor:
        index = self.positions.to(states.device)
        return states.index_copy(1, index, self.states.to(states)[None])


@dataclass(frozen=True)
class Hooks:
    """Hooks with their modules: forward pre-hooks (before) and forward hooks (after)."""

    before: list[tuple[nn.Module, Any]]
    after: list[tuple[nn.Module, Any]]


@contextmanager
def registered(hooks: Hooks) -> Iterator[None]:
    """Register hooks for the duration of the block."""
    handles: list[Any] = []
    try:
        for module, hook in hooks.after:
            # Prepended, so as to run before the hooks with which transformers collects the vision
            # tower's states.
            handles.append(module.register_forward_hook(hook, prepend=True))
        for module, hook in hooks.before:
            handles.append(module.register_forward_pre_hook(hook, with_kwargs=True))
        yield
    finally:
        for handle in handles:
            handle.remove()
