from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from torch import nn

from tam.methods import explain
from tam.methods.cf_cam import channel_ranks
from tam.methods.cf_cam import weights as cf_weights
from tam.methods.class_activation import activations, places_with_gradient
from tam.methods.smooth_grad_cam import weights
from tam.replay import Replay
from tests.loaded import scaled


class Scorer(nn.Module):
    """Inputs of one token's embeddings to the logit of a target, for captum."""

    def __init__(self, replay: Replay, target: int) -> None:
        super().__init__()
        self.replay, self.target = replay, target
        self.module = replay.checkpoint.module

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        text = self.replay.trace.text
        inputs = {**self.replay.inputs, "pixel_values": pixels}
        logits = self.module(**inputs, use_cache=False).logits
        return logits[:, text.context_positions[self.target], text.ids[self.target]]


class AtThePicture(nn.Module):
    """Gives captum a layer's states at the picture alone, as [1, D, N]."""

    def __init__(self, positions: np.ndarray[Any, Any]) -> None:
        super().__init__()
        self.positions = torch.from_numpy(positions)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        return states[:, self.positions].transpose(1, 2)


def test_grad_cam_is_captums(qwen_picture: Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    """Captum needs the cells as a layer's output: one is put around the layer for it."""
    trace = qwen_picture.trace
    layer = qwen_picture.layers[0]
    tap = AtThePicture(trace.vision.positions)
    positions = tap.positions
    plain = layer.forward

    def tapped(*args: Any, **kwargs: Any) -> torch.Tensor:
        states: torch.Tensor = plain(*args, **kwargs)
        return states.index_copy(1, positions, tap(states).transpose(1, 2))

    target = len(trace.text.tokens) - 2
    ours = explain("grad-cam", trace, qwen_picture, [target], layer=0).maps[target]
    monkeypatch.setattr(layer, "forward", tapped)
    method = LayerGradCam(Scorer(qwen_picture, target), tap)
    theirs = method.attribute(qwen_picture.inputs["pixel_values"], relu_attributions=True)
    assert ours.max() == 1
    assert np.allclose(ours, scaled(theirs[0, 0].detach().numpy()), atol=1e-5)


def test_grad_cam_on_the_tower_takes_the_patches_of_each_cell(qwen_picture: Replay) -> None:
    trace = qwen_picture.trace
    target = len(trace.text.tokens) - 2
    ours = explain("grad-cam", trace, qwen_picture, [target], layer="vision.0").maps[target]
    block = qwen_picture.checkpoint.module.model.visual.blocks[0]
    seen: list[torch.Tensor] = []
    handle = block.register_forward_hook(lambda _m, _a, out: seen.append(out))
    score = Scorer(qwen_picture, target)(qwen_picture.inputs["pixel_values"])
    handle.remove()
    [gradient] = torch.autograd.grad(score.sum(), seen)
    patches = (seen[0] * gradient.mean(0)).sum(1).relu().detach()
    # Qwen2-VL has the 2 × 2 patches of a token one after another.
    cells = patches.reshape(-1, 4).mean(1).numpy()
    assert np.allclose(ours, scaled(cells), atol=1e-5)


def test_grad_cam_on_a_tower_with_class_tokens_leaves_them_out(llava_pictures: Replay) -> None:
    trace = llava_pictures.trace
    target = len(trace.text.tokens) - 2
    ours = explain("grad-cam", trace, llava_pictures, [target], layer="vision.-2").maps[target]
    block, _ = llava_pictures.layer("vision.-2")
    seen: list[torch.Tensor] = []
    handle = block.register_forward_hook(lambda _m, _a, out: seen.append(out), prepend=True)
    score = Scorer(llava_pictures, target)(llava_pictures.inputs["pixel_values"])
    handle.remove()
    [gradient] = torch.autograd.grad(score.sum(), seen)
    patches, slopes = (states[:, 1:].reshape(-1, 32) for states in (seen[0], gradient))
    expected = (patches @ slopes.mean(0)).relu().detach().numpy()
    assert np.allclose(ours, scaled(expected), atol=1e-5)


@pytest.mark.parametrize("negative", [0, 3])
def test_eigen_cam_finds_a_planted_direction(
    negative: int, qwen_picture: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = qwen_picture.trace
    layer = qwen_picture.layers[0]
    plain = layer.forward
    rng = np.random.default_rng(0)
    planted = rng.random(len(trace.vision.positions)).astype(np.float32)
    planted[:negative] = -0.5  # the solver's sign follows the first rows
    direction = rng.standard_normal(32).astype(np.float32)
    states = torch.from_numpy(100 * np.outer(planted, direction) + rng.standard_normal((1, 32)))

    def planting(*args: Any, **kwargs: Any) -> torch.Tensor:
        output: torch.Tensor = plain(*args, **kwargs)
        return output.index_copy(
            1, torch.from_numpy(trace.vision.positions), states.to(output)[None]
        )

    monkeypatch.setattr(layer, "forward", planting)
    monkeypatch.setattr(Replay, "_check_reply", lambda *_: None)
    found = explain("eigen-cam", trace, qwen_picture, layer=0).maps
    assert np.allclose(found[-1], scaled(np.maximum(planted, 0)), atol=0.02)
    assert np.array_equal(found[-1], found[-2]), "it knows no word"


def test_eigen_grad_cam_is_eigen_cam_of_states_times_gradients(qwen_picture: Replay) -> None:
    trace = qwen_picture.trace
    targets = [len(trace.text.tokens) - 2, len(trace.text.tokens) - 3]
    where = places_with_gradient(qwen_picture, 0)
    found = activations(qwen_picture, targets, 0, where)
    ours = explain("eigen-grad-cam", trace, qwen_picture, targets, layer=0).maps[targets]
    for row, gradient in zip(ours, found.gradients(), strict=True):
        product = (found.states * gradient).numpy().astype(np.float64)
        # The first principal direction by another way: the leading eigenvector of BᵀB.
        _, vectors = np.linalg.eigh(product.T @ product)
        projected = product @ vectors[:, -1]
        expected = scaled(np.maximum(projected * np.sign(projected.mean()), 0))
        assert np.allclose(row, expected, atol=1e-4)
    assert not np.allclose(ours[0], ours[1], atol=1e-2), "each word has its own map"


def test_smooth_grad_cam_weights_by_hand() -> None:
    states = torch.tensor([[1.0, 2.0], [3.0, 0.0]])
    first = torch.tensor([[2.0, -1.0], [1.0, 0.0]])
    # Of one picture the averages are the powers of its gradient.
    found = weights(states, first, first**2, first**3)
    # d = 0: below is 2 * (4, 1) + (1 * 8 + 3 * 1) = (19, 13); d = 1: 2 * (1, 0) - 2 = (0, -2)
    assert found.tolist() == pytest.approx([4 / 19 * 2 + 1 / 13 * 1, 0])


def test_smoothing_without_noise_is_grad_cam_plus_plus(qwen_picture: Replay) -> None:
    trace = qwen_picture.trace
    target = [len(trace.text.tokens) - 2]
    options = {"layer": 0, "noise": 1e-9}
    one, many = (
        explain("smooth-grad-cam++", trace, qwen_picture, target, samples=n, **options).maps
        for n in (1, 3)
    )
    assert np.allclose(one, many, atol=1e-5, equal_nan=True)
    noisy = explain("smooth-grad-cam++", trace, qwen_picture, target, samples=1, layer=0).maps
    other = explain(
        "smooth-grad-cam++", trace, qwen_picture, target, samples=1, layer=0, seed=1
    ).maps
    assert not np.allclose(one, noisy, atol=1e-3, equal_nan=True)
    assert not np.allclose(other, noisy, atol=1e-3, equal_nan=True)


def test_llava_cam_without_noise_is_grad_cam_of_positive_gradients(qwen_picture: Replay) -> None:
    trace = qwen_picture.trace
    target = len(trace.text.tokens) - 2
    run = qwen_picture.run([target], layers=[0], gradients=True)
    [[gradient]] = run.gradients(run.states[0])
    states = run.states[0][0][0, trace.vision.positions].detach()
    expected = (states @ gradient[0, trace.vision.positions].relu().mean(0)).relu().numpy()
    found = explain("llava-cam", trace, qwen_picture, [target], layer=0, samples=2, noise=1e-9)
    assert np.allclose(found.maps[target], scaled(expected), atol=1e-5)


def test_channels_fall_into_dominant_ones_clusters_and_noise() -> None:
    rng = np.random.default_rng(0)
    near = rng.standard_normal((1, 8)) + 0.01 * rng.standard_normal((6, 8))
    far = 3 * rng.standard_normal((1, 8)) + 0.01 * rng.standard_normal((5, 8))
    lonely = 2 * rng.standard_normal((1, 8))
    large = 50 * rng.standard_normal((4, 8))
    ranks = channel_ranks(np.concatenate([near, far, lonely, large]).T.astype(np.float32))
    assert set(ranks[-4:]) == {-2}
    assert len(set(ranks[:6])) == len(set(ranks[6:11])) == 1
    assert ranks[0] != ranks[6]
    assert min(ranks[0], ranks[6]) >= 0
    assert ranks[11] == -1


def test_a_cluster_shares_its_filtered_gradient() -> None:
    gradient = np.array([[1.0, 2, 4, 9], [3, 2, 0, 9]], np.float32)
    ranks = np.array([-2, 0, 0, -1])
    # On a grid of one row the filter keeps the mean of two cells, by its mirrored edge.
    found = cf_weights(gradient, ranks, [(1, 2)], 1.0)
    assert found.tolist() == pytest.approx([2, 2, 2, 0])
    alone = cf_weights(gradient, ranks, [(1, 1), (1, 1)], 1.0)
    assert alone.tolist() == pytest.approx([2, 2, 2, 0])
    middle = np.array([[0.0, 0], [0, 6], [0, 0]], np.float32)
    kernel = np.exp(-(np.arange(-2, 3) ** 2) / (2 * 0.5**2))
    kept = kernel[1:4].sum() / kernel.sum()
    # Of what stood in the middle of three cells, the filter moves a part over the edges.
    found = cf_weights(middle, np.array([-2, 0]), [(1, 3)], 0.5)
    assert found.tolist() == pytest.approx([0, 2 * kept])
