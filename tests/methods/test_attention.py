from collections.abc import Iterator

import numpy as np
import pytest
import torch

from tam.errors import ModelError
from tam.methods import explain
from tam.methods.dex_ar import head_filtered
from tam.replay import Replay
from tests.loaded import assert_on_one_scale, scaled


@pytest.fixture(params=["qwen_picture", "llava_pictures"])
def either(request: pytest.FixtureRequest) -> Replay:
    found: Replay = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def weights(either: Replay) -> Iterator[tuple[torch.Tensor, ...]]:
    """Attention weights as transformers gives them."""
    module = either.checkpoint.module
    module.set_attn_implementation("eager")
    yield module(**either.inputs, use_cache=False, output_attentions=True).attentions
    module.set_attn_implementation("sdpa")


def test_attention_is_what_transformers_reports(
    either: Replay, weights: tuple[torch.Tensor, ...]
) -> None:
    trace = either.trace
    every = torch.stack([layer[0] for layer in weights]).detach().numpy()
    target = len(trace.text.tokens) - 2
    row = every[:, :, trace.text.context_positions[target]]
    assert_on_one_scale(
        explain("attention", trace, either, [target]), target, row.mean((0, 1)), either
    )
    part = explain("attention", trace, either, [target], layers=[-1], heads=[0])
    assert_on_one_scale(part, target, row[-1, 0], either)


def test_rollout_is_the_product_of_all_layers(
    either: Replay, weights: tuple[torch.Tensor, ...]
) -> None:
    trace = either.trace
    product = torch.eye(weights[0].shape[-1])
    for layer in weights:
        mixed = (layer[0].mean(0) + torch.eye(len(product))) / 2
        product = (mixed / mixed.sum(1, keepdim=True)) @ product
    found = explain("rollout", trace, either).maps
    for target in range(trace.text.prompt_targets, len(found)):
        row = product[trace.text.context_positions[target], trace.vision.positions]
        assert np.allclose(found[target], scaled(row.detach().numpy()), atol=1e-5)


def test_relevancy_follows_the_published_update(
    either: Replay, weights: tuple[torch.Tensor, ...]
) -> None:
    trace, module = either.trace, either.checkpoint.module
    target = len(trace.text.tokens) - 2
    context = trace.text.context_positions[target]
    output = module(**either.inputs, use_cache=False, output_attentions=True)
    score = output.logits[0, context, trace.text.ids[target]]
    gradients = torch.autograd.grad(score, output.attentions)
    relevance = torch.eye(weights[0].shape[-1])
    for layer, gradient in zip(output.attentions, gradients, strict=True):
        relevance = relevance + (gradient * layer)[0].clamp(min=0).mean(0) @ relevance
    found = explain("relevancy", trace, either, [target])
    assert_on_one_scale(found, target, relevance[context].detach().numpy(), either)


def test_a_head_counts_by_how_much_it_prefers_the_picture() -> None:
    # Positions 1 and 2 are the picture's; a cell at 9 lies behind the word.
    gradient = np.array([[0.5, 1.0, 0.25, 0.0], [3.0, 2.0, 1.0, 0.0], [0.0, 0.5, 0.0, 0.25]])
    found = head_filtered(gradient.astype(np.float32), np.array([1, 2, 9]))
    # The first head's preference is 1 - 0.5, the second looks at the text, the third's is 0.25.
    assert found.tolist() == [0.5 * 1 + 0.25 * 0.5, 0.5 * 0.25, 0]


def test_dex_ar_reads_each_layer_by_the_logit_lens(
    either: Replay, weights: tuple[torch.Tensor, ...]
) -> None:
    trace, module = either.trace, either.checkpoint.module
    states: list[torch.Tensor] = []
    hooks = [
        layer.register_forward_hook(lambda _m, _a, out: states.append(out))
        for layer in either.layers
    ]
    attentions = module(**either.inputs, use_cache=False, output_attentions=True).attentions
    for hook in hooks:
        hook.remove()
    found = explain("dex-ar", trace, either).maps
    for target in range(trace.text.prompt_targets, len(found)):
        context = int(trace.text.context_positions[target])
        expected = np.zeros(len(trace.vision.positions), np.float32)
        for state, layer in zip(states, attentions, strict=True):
            score = module.lm_head(either.final_norm(state[0, context]))[trace.text.ids[target]]
            [gradient] = torch.autograd.grad(score, [layer], retain_graph=True)
            row = gradient[0, :, context, : context + 1].clamp(min=0).numpy()
            expected += head_filtered(row, trace.vision.positions)
        assert np.allclose(found[target], scaled(expected), atol=1e-5)


def test_dex_ar_takes_as_many_of_the_last_layers_as_are_wanted(llava_pictures: Replay) -> None:
    last, both, more = (
        explain("dex-ar", llava_pictures.trace, llava_pictures, depth=depth).maps
        for depth in (1, 2, 10)
    )
    assert not np.allclose(last, both, atol=1e-4, equal_nan=True)
    assert np.array_equal(both, more, equal_nan=True)


def test_layers_without_attention_are_not_passed_over(
    qwen_picture: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    attention = qwen_picture.layers[0].self_attn
    plain = attention.forward
    monkeypatch.setattr(attention, "forward", lambda *a, **k: (plain(*a, **k)[0], None))
    for name in ("rollout", "relevancy", "dex-ar"):
        with pytest.raises(ModelError, match="1 of its 2 layers have no attention weights"):
            explain(name, qwen_picture.trace, qwen_picture)
    assert np.nan_to_num(explain("attention", qwen_picture.trace, qwen_picture).maps).any()
