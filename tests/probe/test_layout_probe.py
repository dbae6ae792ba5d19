"""The layout probe itself: which tokens it expects, and that wrong layouts do not pass."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForImageTextToText, AutoProcessor

from tam.errors import ModelError
from tam.families.adapter import Encoded
from tam.families.registry import adapter_for
from tam.geometry.layout import VisionGrid, VisionLayout
from tam.media import Media
from tam.probe.blocks import Resampling, choose_blocks, tokens_of
from tam.probe.vision_features import attention_off, vision_features
from tam.prompt.conversation import question
from tam.prompt.encoding import encode
from tam.testing import Block, probe_clip, probe_layout, probe_picture
from tam_adapters.llava import LlavaAdapter


@pytest.fixture(scope="module")
def llava(llava_folder: Path) -> tuple[Any, Any]:
    model = AutoModelForImageTextToText.from_pretrained(llava_folder).eval()
    return model, AutoProcessor.from_pretrained(llava_folder)


def grid_of(
    box: tuple[float, float, float, float], side: int = 4, frames: int = 1, first: int = 0
) -> VisionGrid:
    positions = np.arange(first, first + frames * side * side, dtype=np.int64)
    spans = np.stack([np.arange(frames), np.arange(frames) + 1], axis=1)
    return VisionGrid(0, 0, "whole", (frames, side, side), box, positions, spans)


def layout_of(*grids: VisionGrid) -> VisionLayout:
    return VisionLayout(grids, np.zeros(0, np.int64))


def test_at_the_original_size_a_bicubic_token_reaches_one_and_a_half_pixels_out() -> None:
    # Cells of 10 × 10 pixels, one input pixel for each.
    layout, resampling = layout_of(grid_of((0, 0, 40, 40))), Resampling(10, 10, 2)
    # The centre of pixel 11 is 1.5 beyond the first cell: its weight is zero. Pixel 10 counts.
    assert tokens_of(layout, Block(0, 0, 12, 12, 18, 18), resampling) == ({5}, {5})
    assert tokens_of(layout, Block(0, 0, 10, 12, 18, 18), resampling) == ({5}, {4, 5})
    assert tokens_of(layout, Block(0, 0, 9, 9, 21, 11), resampling) == (
        {0, 1, 2, 4, 5, 6},
        {0, 1, 2, 4, 5, 6},
    )


def test_a_shrunken_picture_is_seen_further() -> None:
    # An input pixel covers 4 original ones, so the reach is 2 * 4 - 2 = 6.
    layout, resampling = layout_of(grid_of((0, 0, 160, 160))), Resampling(10, 10, 2)
    assert tokens_of(layout, Block(0, 0, 46, 46, 74, 74), resampling) == ({5}, {5})
    assert tokens_of(layout, Block(0, 0, 45, 46, 74, 74), resampling) == ({5}, {4, 5})
    # Two columns of the block are less than one input pixel of the cell at their left.
    assert tokens_of(layout, Block(0, 0, 38, 46, 74, 74), resampling) == ({5}, {4, 5})
    assert tokens_of(layout, Block(0, 0, 36, 46, 74, 74), resampling) == ({4, 5}, {4, 5})


def test_only_the_frames_and_the_media_of_a_block_change() -> None:
    grid = grid_of((0, 0, 40, 40), side=2, frames=3)
    layout, resampling = layout_of(grid, replace(grid_of((0, 0, 40, 40), first=12), media=1)), None
    resampling = Resampling(10, 10, 2)
    assert tokens_of(layout, Block(0, 1, 4, 4, 16, 16), resampling)[1] == {4}
    assert tokens_of(layout, Block(1, 0, 2, 2, 8, 8), resampling)[1] == {12}


@pytest.mark.parametrize("frames", [1, 6])
def test_blocks_of_large_cells_are_unambiguous_and_reach_every_corner(frames: int) -> None:
    media = probe_clip(frames, 200, 300)
    layout, resampling = layout_of(grid_of((0, 0, 300, 200), frames=frames)), Resampling(28, 28, 2)
    blocks = list(choose_blocks(layout, [media], resampling, random_cells=3, seed=0))
    found = [tokens_of(layout, block, resampling) for block in blocks]
    assert all(must == may and len(must) == 1 for must, may in found)
    cells = {next(iter(must)) % 16 for must, _ in found}
    assert {0, 3, 12, 15} <= cells
    assert {block.frame for block in blocks} == set(range(frames))


def test_blocks_stay_in_the_picture_and_probe_what_a_crop_leaves_out() -> None:
    picture = probe_picture(100, 300)
    cropped = layout_of(grid_of((100, 0, 200, 100)))
    resampling = Resampling(14, 14, 2)
    blocks = list(choose_blocks(cropped, [picture], resampling, random_cells=3, seed=0))
    assert all(0 <= b.x0 < b.x1 <= 300 and 0 <= b.y0 < b.y1 <= 100 for b in blocks)
    outside = [b for b in blocks if not tokens_of(cropped, b, resampling)[1]]
    assert sorted((b.x0, b.x1) for b in outside) == [(0, 96), (204, 300)]
    padded = layout_of(grid_of((0, -100, 300, 200)))
    blocks = list(choose_blocks(padded, [picture], resampling, random_cells=3, seed=0))
    assert blocks
    assert all(0 <= b.y0 < b.y1 <= 100 for b in blocks)


def test_with_attention_on_every_token_sees_every_pixel(llava: tuple[Any, Any]) -> None:
    """Without switching attention off, tokens are not local, so the switching has an effect."""
    model, processor = llava
    adapter = adapter_for(model.config)
    before, after = (
        encode(processor, question([probe_picture(112, 112, seed=seed)], "What?"))
        for seed in (0, 0)
    )
    after.inputs["pixel_values"][..., :14, :14] += 1

    def changed() -> int:
        pair = [vision_features(model, adapter, prompt) for prompt in (before, after)]
        return int((np.abs(pair[0] - pair[1]).max(axis=1) > 0).sum())

    assert changed() == 64
    with attention_off(model, adapter):
        assert changed() == 1
    assert changed() == 64


def test_no_hook_is_left_after_an_error(llava: tuple[Any, Any]) -> None:
    model, processor = llava

    class Failing(LlavaAdapter):
        def vision_layout(self, encoded: Encoded) -> VisionLayout:
            raise ModelError("no")

    def hooks() -> int:
        # transformers keeps some of its own.
        return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())

    before = hooks()
    with pytest.raises(ModelError, match="no"):
        probe_layout(model, processor, [probe_picture(50, 50)], adapter=Failing())
    assert hooks() == before


def test_a_report_says_where_it_went_wrong(llava: tuple[Any, Any]) -> None:
    model, processor = llava

    class Forgetful(LlavaAdapter):
        """Knows only the first picture, and treats the position before it as a cell."""

        def vision_layout(self, encoded: Encoded) -> VisionLayout:
            grid = super().vision_layout(encoded).grids[0]
            return layout_of(replace(grid, positions=grid.positions - 1))

    media = [probe_picture(112, 112), probe_picture(112, 112)]
    report = probe_layout(model, processor, media, adapter=Forgetful(), random_cells=0)
    assert not report.passed
    assert len(report.unplaced) == 64 + 1
    assert len(report.without_vision) == 1
    assert report.missed == report.unexpected == len(report.results) == 5 + 1
    assert "missed [" in str(report)
    assert "media 0 frame 0" in str(report)


def test_a_probe_of_nothing_does_not_pass(llava: tuple[Any, Any]) -> None:
    model, processor = llava

    class Blind(LlavaAdapter):
        def vision_layout(self, encoded: Encoded) -> VisionLayout:
            layout = super().vision_layout(encoded)
            return VisionLayout((), layout.positions)

    report = probe_layout(model, processor, [probe_picture(50, 50)], adapter=Blind())
    assert report.results == ()
    assert not report.passed


def test_a_token_that_cannot_be_measured_is_an_error(llava: tuple[Any, Any]) -> None:
    model, processor = llava
    media: list[Media] = [probe_picture(50, 50)]
    patch = model.config.vision_config.patch_size
    model.config.vision_config.patch_size = None
    try:
        with pytest.raises(ModelError, match="pass cell_pixels"):
            probe_layout(model, processor, media, adapter=adapter_for(model.config))
    finally:
        model.config.vision_config.patch_size = patch
    assert probe_layout(model, processor, media, cell_pixels=(14, 14)).passed


def test_a_model_without_attention_in_its_tower_is_an_error(llava: tuple[Any, Any]) -> None:
    model, _ = llava

    class WholeModel(LlavaAdapter):
        def decoder(self, model: Any) -> torch.nn.Module:
            module: torch.nn.Module = model
            return module

    with (
        pytest.raises(ModelError, match="no attention found"),
        attention_off(model, WholeModel()),
    ):
        pass
