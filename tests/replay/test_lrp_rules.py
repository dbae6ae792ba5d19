"""Conservation of each rule of AttnLRP, on modules that a decoder is made of.

The situations are those that the LXT library tests (softmax, products, linear maps, sums, norms),
with own numbers. Relevance is gradient times input; the relevance of the output is given.
"""

import numpy as np
import pytest
import torch
from torch import nn
from transformers.models.llama.modeling_llama import LlamaRMSNorm

from tam.errors import ModelError
from tam.replay.lrp_attention import half_gradient
from tam.replay.lrp_rules import Rules
from tam.replay.passing import registered


class Gated(nn.Module):
    """A gated feed-forward block with the submodule names of transformers."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.gate_proj = nn.Linear(6, 5, bias=False)
        self.up_proj = nn.Linear(6, 5, bias=False)
        self.act_fn = nn.SiLU()
        self.down_proj = nn.Linear(5, 6, bias=False)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        gated = self.act_fn(self.gate_proj(states)) * self.up_proj(states)
        output: torch.Tensor = self.down_proj(gated)
        return output


def relevance(
    output: torch.Tensor, given: torch.Tensor, *inputs: torch.Tensor
) -> list[torch.Tensor]:
    """Propagate the relevance of an output to its inputs."""
    gradients = torch.autograd.grad(output, inputs, (given / output).detach())
    return [(one * gradient).detach() for one, gradient in zip(inputs, gradients, strict=True)]


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()


def test_a_product_gives_each_factor_half() -> None:
    one, other, given = drawn(4, 5), drawn(5, 3, seed=1), drawn(4, 3, seed=2).detach()
    left, right = relevance(half_gradient(one) @ half_gradient(other), given, one, other)
    assert float(left.sum()) == pytest.approx(float(given.sum()) / 2)
    assert float(right.sum()) == pytest.approx(float(given.sum()) / 2)


def test_a_sum_and_a_linear_map_share_in_proportion() -> None:
    one, other, given = drawn(3, 4), drawn(3, 4, seed=1), drawn(3, 4, seed=2).detach()
    left, right = relevance(one + other, given, one, other)
    assert torch.allclose(left + right, given)
    assert torch.allclose(left * other, right * one)
    linear = nn.Linear(4, 6, dtype=torch.float64)
    given = drawn(3, 6, seed=3).detach()
    output = linear(one)
    [found] = relevance(output, given, one)
    absorbed = (linear.bias / output * given).detach().sum()
    assert float(found.sum() + absorbed) == pytest.approx(float(given.sum()))


# States of random weights can be so small that the epsilon decides.
@pytest.mark.parametrize("size", [1, 1e-3])
@pytest.mark.parametrize("norm", [LlamaRMSNorm(6), nn.LayerNorm(6, bias=False)])
def test_a_norm_passes_relevance_on(norm: nn.Module, size: float) -> None:
    nn.init.normal_(norm.weight, generator=torch.Generator().manual_seed(0))
    sizes = torch.tensor([[1.0], [size]])
    states = (sizes * drawn(2, 6).detach().float()).requires_grad_()
    with registered(Rules(nn.ModuleList([Gated()]), norm, nn.Linear(6, 3)).hooks()):
        output = norm(states)
    given = drawn(2, 6, seed=1).detach().float()
    [found] = relevance(output, given, states)
    if isinstance(norm, nn.LayerNorm):
        assert torch.allclose(found.sum(-1), given.sum(-1), atol=1e-4)
    else:
        assert torch.allclose(found, given, atol=1e-5)


class Capped(nn.LayerNorm):
    """A norm that does more than normalise."""

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        return super().forward(states).clamp(-0.5, 0.5)


def test_a_norm_that_does_more_is_refused() -> None:
    norm = Capped(6)
    rules = Rules(nn.ModuleList([Gated()]), norm, nn.Linear(6, 3))
    with registered(rules.hooks()), pytest.raises(ModelError, match="Capped: AttnLRP has no rule"):
        norm(drawn(2, 6).detach().float())


def test_a_gate_gives_its_input_what_both_branches_get() -> None:
    block = Gated()
    rules = Rules(nn.ModuleList([block]), nn.LayerNorm(6), nn.Linear(6, 3))
    with registered(rules.hooks()):
        output = block(drawn(2, 6).detach().float())
    given = drawn(2, 6, seed=1).detach().float()
    [found] = relevance(output, given, rules.inputs[0])
    assert np.allclose(found.sum(-1), given.sum(-1), atol=1e-4)
