from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import InputXGradient, IntegratedGradients
from torch import nn

from tam.methods import explain
from tam.methods.integrated_gradients import attributed
from tam.replay import Replay
from tests.loaded import scaled


class FromEmbeddings(nn.Module):
    """What enters the language model at the picture [B, N, D] to a target's logit, for captum."""

    def __init__(self, replay: Replay, target: int) -> None:
        super().__init__()
        self.replay, self.target = replay, target
        with torch.no_grad():
            [entering] = replay.run([], layers=["input"]).states[0]
        self.positions = torch.from_numpy(replay.trace.vision.positions)
        self.features = entering[:, self.positions]

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        scores = []
        for row in features:

            def put(_module: Any, args: Any, kwargs: Any, row: torch.Tensor = row) -> Any:
                states = args[0].index_copy(1, self.positions, row[None])
                return (states, *args[1:]), kwargs

            handle = self.replay.layers[0].register_forward_pre_hook(put, with_kwargs=True)
            module, text = self.replay.checkpoint.module, self.replay.trace.text
            logits = module(**self.replay.inputs, use_cache=False).logits[0]
            handle.remove()
            scores.append(logits[text.context_positions[self.target], text.ids[self.target]])
        return torch.stack(scores)


@pytest.fixture(params=["qwen_picture", "llava_pictures"])
def either(request: pytest.FixtureRequest) -> Replay:
    found: Replay = request.getfixturevalue(request.param)
    return found


def test_input_x_gradient_is_captums(either: Replay) -> None:
    target = len(either.trace.text.tokens) - 2
    model = FromEmbeddings(either, target)
    features = model.features.requires_grad_()
    theirs = InputXGradient(model).attribute(features).sum(-1)[0].relu().detach().numpy()
    ours = explain("input-x-gradient", either.trace, either, [target])
    heights = ours.maps[target]
    assert ours.relevance is not None
    assert max(heights.max(), ours.relevance[target].max()) == pytest.approx(1)
    assert np.allclose(heights / heights.max(), theirs / theirs.max(), atol=1e-5)


def test_integrated_gradients_are_captums_and_add_up(either: Replay) -> None:
    target = len(either.trace.text.tokens) - 2
    model = FromEmbeddings(either, target)
    base = model.features.mean(1, keepdim=True).expand_as(model.features)
    theirs = IntegratedGradients(model).attribute(
        model.features, base, n_steps=8, method="gausslegendre"
    )
    ours = attributed(either.trace, either, [target], 8)
    assert np.allclose(ours[0], theirs.sum(-1)[0].detach().numpy(), atol=1e-5)
    with torch.no_grad():
        gained = float(model(model.features) - model(base))
    many = attributed(either.trace, either, [target], 32)
    assert float(many.sum()) == pytest.approx(gained, abs=1e-3 + 0.02 * abs(gained))
    shown = explain("integrated-gradients", either.trace, either, [target], steps=8).maps[target]
    assert np.allclose(shown, scaled(np.maximum(ours[0], 0)), atol=1e-6)
