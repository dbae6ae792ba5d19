"""AttnLRP: its rules against hand computation, the sum of its parts, and refusals."""

import numpy as np
import pytest
import torch
from torch import nn

import tam
from tam.errors import ModelError
from tam.methods import explain
from tam.prompt.conversation import question
from tam.replay import Replay
from tam.replay.lrp_attention import attention_with_rules, proportional, softmaxes_kept
from tam.replay.lrp_rules import Rules
from tam.replay.propagation import propagate
from tam.testing import probe_picture
from tests.tiny import BUILDERS


@pytest.fixture(scope="module", params=["qwen2_vl", "llava", "qwen3_vl"])
def replay(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Replay:
    """Decoders with query biases, without biases, and with features added between layers."""
    folder = tmp_path_factory.mktemp(request.param)
    model = tam.load(BUILDERS[request.param](folder))
    for name, parameter in model.module.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter, std=0.1, generator=torch.Generator().manual_seed(0))
    asked = question([probe_picture(60, 90)], "What is here?")
    return Replay(model.checkpoint, model.run(asked, answer="a dog"))


def test_the_parts_add_up_to_the_logit(replay: Replay) -> None:
    targets = list(range(replay.trace.text.prompt_targets, len(replay.trace.text.tokens)))
    found = propagate(replay, targets)
    parts = found.positions.sum(1) + found.biases + found.softmaxes
    assert np.abs(parts - found.logits).max() < 1e-4
    assert np.abs(found.positions).sum() > 0
    later = replay.trace.text.context_positions[targets[0]] + 1
    assert not found.positions[0, later:].any(), "what comes after the word has no part in it"


def test_a_map_is_the_positive_part_at_the_cells_beside_earlier_words(replay: Replay) -> None:
    trace, last = replay.trace, len(replay.trace.text.tokens) - 1
    [row] = propagate(replay, [last]).positions
    found = explain("attn-lrp", trace, replay, [last])
    assert found.relevance is not None
    cells = np.maximum(row[trace.vision.positions], 0)
    words = np.maximum(row[[token.position for token in trace.text.tokens[:last]]], 0)
    top = max(cells.max(), words.max())
    assert np.allclose(found.maps[last], cells / top, atol=1e-5)
    assert np.allclose(found.relevance[last, :last], words / top, atol=1e-5)
    assert found.provenance["method"]["remainder"] < 1e-4


def test_attention_shares_relevance_as_the_equations_say() -> None:
    generator = torch.Generator().manual_seed(0)
    query, key, value, relevance = (
        torch.randn(1, 1, 3, 2, generator=generator, dtype=torch.float64) for _ in range(4)
    )
    for part in (query, key, value):
        part.requires_grad_()
    with softmaxes_kept() as kept:
        output, weights = attention_with_rules(nn.Identity(), query, key, value, None, scaling=0.5)
    output = output.transpose(1, 2)
    # The relevance of each element of the output, propagated: gradient times input.
    (output * (relevance / output).detach()).sum().backward()
    p, v, q, k = (part.detach().numpy()[0, 0] for part in (weights, value, query, key))
    r, o, s = relevance.numpy()[0, 0], output.detach().numpy()[0, 0], 0.5 * q @ k.T
    from_values = np.zeros_like(v)
    of_weights = np.zeros_like(p)
    for i in range(3):
        for j in range(3):
            for d in range(2):
                share = p[i, j] * v[j, d] / o[i, d] * r[i, d] / 2
                from_values[j, d] += share
                of_weights[i, j] += share
    of_scores = s * (of_weights - p * of_weights.sum(1, keepdims=True))
    from_queries = np.zeros_like(q)
    from_keys = np.zeros_like(k)
    for i in range(3):
        for j in range(3):
            share = 0.5 * q[i] * k[j] / s[i, j] * of_scores[i, j] / 2
            from_queries[i] += share
            from_keys[j] += share
    for part, expected in ((value, from_values), (query, from_queries), (key, from_keys)):
        assert part.grad is not None
        assert np.allclose((part * part.grad).detach().numpy()[0, 0], expected)
    assert len(kept) == 1


def test_an_activation_hands_on_what_it_gets() -> None:
    inputs = torch.tensor([-2.0, 0.0, 0.5, 3.0], requires_grad=True)
    output = torch.nn.functional.silu(inputs)
    linear = proportional(output, inputs)
    assert torch.equal(linear, output)
    [gradient] = torch.autograd.grad(linear, inputs, torch.tensor([1.0, 1.0, 2.0, 3.0]))
    assert torch.allclose(gradient * inputs, output * torch.tensor([1.0, 1.0, 2.0, 3.0]))


def test_a_module_of_another_kind_is_refused_by_name() -> None:
    class Mixer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mixing = nn.Parameter(torch.ones(3))

    layers = nn.ModuleList([nn.Sequential(nn.Linear(3, 3), Mixer())])
    with pytest.raises(ModelError, match="Mixer: AttnLRP has no rule for this kind of module"):
        Rules(layers, nn.LayerNorm(3), nn.Linear(3, 5))


def test_a_decoder_that_does_something_else_is_refused(
    replay: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    block = replay.layers[0].mlp
    plain = block.forward
    monkeypatch.setattr(
        block, "forward", lambda states: plain(states) * states.mean(-1, True).tanh()
    )
    model = tam.Model(replay.checkpoint)
    recording = model.run(replay.recording.prepared, answer="a dog")
    with pytest.raises(ModelError, match=r"no rule for .* % of a logit is unexplained"):
        propagate(Replay(replay.checkpoint, recording), [len(recording.trace.text.tokens) - 1])


def test_attention_with_more_than_there_are_rules_for_is_refused() -> None:
    part = torch.ones(1, 1, 2, 2)
    with pytest.raises(ModelError, match="its attention adds s_aux"):
        attention_with_rules(nn.Identity(), part, part, part, None, s_aux=part)
