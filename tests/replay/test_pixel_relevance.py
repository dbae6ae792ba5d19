"""AttnLRP down to the pixels: the sum of its parts, hand computation, cells, and refusals."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import nn

import tam
from tam.errors import ModelError
from tam.methods import explain
from tam.prompt.conversation import question
from tam.replay import Replay
from tam.replay.lrp_pixels import PixelRules
from tam.replay.pixel_cells import pixel_cells
from tam.replay.propagation import propagate
from tam.testing import probe_picture
from tests.tiny import BUILDERS
from tests.tiny.fast_vlm import tiny_fast_vlm

# The tower of the photo model, and the width of its features.
LITE = ("efficientnet_lite0", 1280)


def replayed(folder: Path, *, drawn: bool = True) -> Replay:
    """A run of a model whose biases and batch statistics are drawn, if they are not to be 0."""
    model = tam.load(folder)
    generator = torch.Generator().manual_seed(0)
    for name, parameter in model.module.named_parameters():
        if drawn and name.endswith("bias"):
            nn.init.normal_(parameter, std=0.1, generator=generator)
    for name, values in model.module.named_buffers():
        if drawn and name.endswith("running_mean"):
            values.normal_(std=0.1, generator=generator)
    asked = question([probe_picture(60, 90)], "What is here?")
    return Replay(model.checkpoint, model.run(asked, answer="a dog"))


def last(replay: Replay) -> list[int]:
    return [len(replay.trace.text.tokens) - 1]


# Patches with biases; a class token; features between layers and learned positions; tiles with
# newlines; a factor for each channel; a convolutional tower with batch norms.
@pytest.fixture(
    scope="module",
    params=["qwen2_vl", "llava", "qwen3_vl", "llava_next", "internvl", "fast_vlm"],
)
def replay(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Replay:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "fast_vlm":
        return replayed(tiny_fast_vlm(folder, *LITE))
    return replayed(BUILDERS[request.param](folder))


def test_pixels_words_and_what_the_tower_adds_make_up_the_logit(replay: Replay) -> None:
    module = replay.checkpoint.module
    before = {name: id(value) for name, value in module.named_parameters()}
    found = propagate(replay, last(replay), pixels=True)
    assert np.abs(found.remainder).max() < 1e-5 * found.sizes.max()
    cells, words = replay.trace.vision.positions, found.positions[0].copy()
    assert np.abs(found.positions[0, cells]).min() > 0
    assert np.abs(found.biases).min() > 0
    words[cells] = 0
    plain = propagate(replay, last(replay)).positions[0]
    assert not np.allclose(plain[cells], found.positions[0, cells])
    own = [token.position for token in replay.trace.text.tokens]
    assert np.allclose(words[own], plain[own], atol=1e-6)
    assert {name: id(value) for name, value in module.named_parameters()} == before


def test_each_pixel_is_in_the_cell_of_its_patch(replay: Replay) -> None:
    found = pixel_cells(replay)
    [pixels] = replay.pixels.values()
    index = np.full(pixels.numel(), -1)
    index[found.rows] = found.cells
    index = index.reshape(pixels.shape)
    if replay.checkpoint.adapter.family == "Qwen2-VL":
        # The processor orders the patches so that each four of them make a cell.
        assert (index == np.arange(len(index))[:, None] // 4).all()
    elif replay.checkpoint.adapter.family in ("LLaVA", "FastVLM"):
        [grid] = replay.trace.vision.grids
        _, rows, columns = grid.shape
        y, x = np.indices(pixels.shape[2:])
        side = pixels.shape[2] // rows
        assert (index == y // side * columns + x // side).all()
    else:
        assert set(index[index >= 0]) == set(range(found.count))


class Tower(nn.Module):
    """A convolution, a batch norm, an activation in place and a linear map."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 1, 2, stride=2)
        self.norm = nn.BatchNorm2d(1, eps=0)
        self.activation = nn.ReLU6(inplace=True)
        self.projection = nn.Linear(1, 1)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        states = self.activation(self.norm(self.convolution(pixels)))
        output: torch.Tensor = self.projection(states.flatten(2).transpose(1, 2))
        return output


def test_relevance_by_hand() -> None:
    tower, embedding, head = Tower().eval(), nn.Embedding(2, 1), nn.Linear(1, 3)
    pixels = torch.tensor([[1.0, 2.0, 0.0, -1.0], [3.0, 4.0, 5.0, 6.0]])[None, None]
    with torch.no_grad():
        tower.convolution.weight.copy_(torch.tensor([[1.0, -1.0], [2.0, 0.5]]))
        tower.convolution.bias = nn.Parameter(torch.tensor([1.0]))
        tower.norm.weight.copy_(torch.tensor([3.0]))
        tower.norm.bias.copy_(torch.tensor([-2.0]))
        tower.norm.running_mean = torch.tensor([4.0])
        tower.norm.running_var = torch.tensor([4.0])
        tower.projection.weight.copy_(torch.tensor([[2.0]]))
        tower.projection.bias.copy_(torch.tensor([0.5]))
    model: Any = nn.ModuleDict({"tower": tower, "embedding": embedding, "head": head})
    model.get_input_embeddings = lambda: embedding
    adapter = SimpleNamespace(decoder=lambda _: nn.Identity(), tower_added=(), tower_factors=())
    replay: Any = SimpleNamespace(
        checkpoint=SimpleNamespace(module=model, lm_head=head, adapter=adapter),
        layers=nn.ModuleList(),
        final_norm=nn.LayerNorm(1),
        pixels={"pixel_values": pixels},
    )
    rules = PixelRules(cast(Replay, replay))
    with rules.active():
        features = tower(rules.pixels["pixel_values"])
    # The convolution gives 1 - 2 + 6 + 2 + 1 = 8 and 0 + 1 + 10 + 3 + 1 = 15, the norm 4 and 14.5,
    # the activation 4 and 6, the projection 8.5 and 12.5.
    assert torch.allclose(features.flatten(), torch.tensor([8.5, 12.5]))
    leaves = [leaf for leaf, _ in rules.biased]
    of_pixels, *of_leaves = torch.autograd.grad(
        features.sum(), [rules.pixels["pixel_values"], *leaves]
    )
    # 6/14.5 of the second cell's relevance goes on, and each factor of the norm is 3/2.
    through = torch.tensor([1.0, 1.0, 6 / 14.5, 6 / 14.5]) * 2 * 1.5
    kernel = torch.tensor([[1.0, -1.0, 1.0, -1.0], [2.0, 0.5, 2.0, 0.5]])
    assert torch.allclose(of_pixels * pixels, kernel * pixels * through)
    parts = [
        float((gradient * part).sum())
        for gradient, (_, part) in zip(of_leaves, rules.biased, strict=True)
    ]
    both = 2 * (1 + 6 / 14.5)
    # The biases of the convolution, the norm (-2 - 1.5 · 4) and the projection (twice).
    assert parts == pytest.approx([1.5 * both, -8 * both, 1.0])
    assert float((of_pixels * pixels).sum()) + sum(parts) == pytest.approx(21.0)
    assert tower.activation.inplace
    assert isinstance(tower.projection.bias, nn.Parameter)


def test_a_map_is_the_positive_part_of_each_cells_pixels(tmp_path: Path) -> None:
    replay = replayed(BUILDERS["llava"](tmp_path))
    [target] = last(replay)
    [row] = propagate(replay, [target], pixels=True).positions
    found = explain("attn-lrp", replay.trace, replay, [target], pixels=True)
    cells = np.maximum(row[replay.trace.vision.positions], 0)
    own = [token.position for token in replay.trace.text.tokens[:target]]
    assert np.allclose(found.maps[target], cells / max(cells.max(), row[own].max()), atol=1e-5)
    assert found.provenance["method"]["pixels"]
    assert found.provenance["method"]["remainder"] < 1e-4


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("got_ocr2", "GotOcr2VisionEncoder: AttnLRP has no rule for this kind of module in the"),
        ("deepseek_vl_hybrid", r"1 grids do not match pixels of the shapes"),
        ("aya_vision", r"or its vision tower contain an operation .* % of a logit is unexplained"),
    ],
)
def test_what_has_no_rule_is_refused_and_what_to_do_is_said(
    name: str, reason: str, tmp_path: Path
) -> None:
    replay = replayed(BUILDERS[name](tmp_path))
    assert propagate(replay, last(replay)).logits.size, "without pixels there are rules"
    with pytest.raises(ModelError, match=f"{reason}.*; leave out the option pixels"):
        propagate(replay, last(replay), pixels=True)
