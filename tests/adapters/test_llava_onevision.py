from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import LlavaOnevisionConfig

from tam.errors import ModelError
from tam.families.registry import adapter_for
from tam.media import Media
from tam.testing import LayoutReport, probe_clip, probe_layout, probe_picture
from tam_adapters.anyres import Tower
from tests.loaded import Loaded, layout_of, load
from tests.tiny.anyres import CELL, tiny_llava_onevision
from tests.wrong_views import (
    Rearrange,
    Rearranged,
    columns_first,
    exchanged_media,
    later_frame,
    of_each_grid,
    shifted_right,
    thumbnail_at_the_other_end,
)

# The tokens of these are not downsampled, or by exactly two.
EXACT = [(50, 100), (64, 1000), (1000, 64), (20, 13), (112, 112), (224, 224), (3, 40)]
# The tokens of these are downsampled by other ratios.
SHRUNK = [(100, 150), (150, 100), (301, 203), (220, 120)]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(tiny_llava_onevision, tmp_path_factory.mktemp("llava_onevision"))


def probe(loaded: Loaded, media: list[Media], cell: int = CELL, **options: Any) -> LayoutReport:
    return probe_layout(*loaded, media, cell_pixels=(cell, cell), random_cells=2, **options)


@pytest.mark.parametrize("size", EXACT)
def test_every_token_sees_its_cell_and_no_other(loaded: Loaded, size: tuple[int, int]) -> None:
    report = probe(loaded, [probe_picture(*size)])
    assert report.passed, report


@pytest.mark.parametrize("size", SHRUNK)
def test_a_shrunk_token_sees_half_of_its_cell_and_less_than_its_neighbours(
    loaded: Loaded, size: tuple[int, int]
) -> None:
    """A downsampled token mixes the two nearest tokens of the canvas along each axis.

    In input pixels of half a cell, it must change with half of its cell, and reaches three
    quarters of a cell further.
    """
    report = probe(loaded, [probe_picture(*size)], 2)
    assert report.passed, report


def test_the_tokens_of_a_large_canvas_are_shrunk(loaded: Loaded) -> None:
    image = loaded[0].config.image_token_id
    found = layout_of(loaded, [image] * (16 + 8 * 9), [probe_picture(224, 224)])
    assert found.grids[1].shape == (1, 8, 8)
    assert found.grids[1].box == (0, 0, 224, 224)


def test_several_pictures_are_padded_squares(loaded: Loaded) -> None:
    picture = probe_picture(100, 150)
    report = probe(loaded, [picture, probe_picture(300, 64), picture])
    assert report.passed, report
    assert {result.block.media for result in report.results} == {0, 1, 2}
    image = loaded[0].config.image_token_id
    found = layout_of(loaded, [image] * 34, [picture, probe_picture(300, 64)])
    assert [grid.view for grid in found.grids] == ["whole", "whole"]
    assert [grid.box for grid in found.grids] == [(0, -25, 150, 125), (-118, 0, 182, 300)]
    assert found.separators.tolist() == [16, 33]


@pytest.mark.parametrize("frames", [1, 4])
def test_clips(loaded: Loaded, frames: int) -> None:
    report = probe(loaded, [probe_clip(frames, 60, 120)], 2 * CELL)
    assert report.passed, report
    assert {result.block.frame for result in report.results} == set(range(frames))


def test_pictures_and_clips_in_any_order(loaded: Loaded) -> None:
    media = [probe_clip(3, 90, 60), probe_picture(60, 90), probe_clip(3, 60, 60)]
    report = probe(loaded, media)
    assert report.passed, report
    assert {result.block.media for result in report.results} == {0, 1, 2}


@pytest.mark.parametrize(
    ("rearrange", "media"),
    [
        (of_each_grid(columns_first), [probe_picture(50, 100)]),
        (of_each_grid(shifted_right), [probe_picture(50, 100)]),
        (thumbnail_at_the_other_end, [probe_picture(50, 100)]),
        (exchanged_media, [probe_picture(100, 150), probe_picture(100, 150)]),
        (of_each_grid(shifted_right), [probe_picture(100, 150), probe_picture(100, 150)]),
        (of_each_grid(later_frame), [probe_clip(3, 60, 90)]),
        (of_each_grid(columns_first), [probe_clip(3, 60, 90)]),
    ],
)
def test_the_probe_finds_what_is_wrong(
    loaded: Loaded, rearrange: Rearrange, media: list[Media]
) -> None:
    wrong = Rearranged(adapter_for(loaded[0].config), rearrange)
    assert not probe(loaded, media, adapter=wrong).passed


def test_the_probe_finds_wrong_columns_of_a_shrunk_canvas(loaded: Loaded) -> None:
    wrong = Rearranged(adapter_for(loaded[0].config), of_each_grid(columns_first))
    assert not probe(loaded, [probe_picture(100, 150)], 2, adapter=wrong).passed


def test_tokens_that_do_not_fill_their_tile_are_off_by_half_the_gap_at_most() -> None:
    """A tile of 384 pixels holds 27 tokens of 14 pixels; no token sees its last six pixels."""
    tower = Tower(384, 14)
    true = np.array([384 * (edge // 27) + 14 * (edge % 27) for edge in range(4 * 27)])
    found = np.array([tower.place(edge, 4) for edge in range(4 * 27)])
    assert np.abs(found - true).max() <= 3
    assert tower.place(27, 1) == 27 * 14
    assert tower.base_box(384, 768) == (0, 0, 756, 378)


@pytest.mark.parametrize("size", [(100, 150), (200, 120), (62, 124)])
def test_tokens_that_do_not_fill_their_tile_see_half_of_their_cell(
    size: tuple[int, int], tmp_path: Path
) -> None:
    """As with the real tower, no token sees a tile's last six pixels: 62 pixels, four of 14."""

    def with_gaps(folder: Path) -> Path:
        return tiny_llava_onevision(folder, tile=62)

    report = probe(load(with_gaps, tmp_path), [probe_picture(*size)], 2)
    assert report.passed, report


def test_towers_that_are_refused_before_weights_are_loaded() -> None:
    config = LlavaOnevisionConfig(vision_aspect_ratio="pad")
    with pytest.raises(ModelError, match="unknown tiling rule 'pad'"):
        adapter_for(config).check(config)
    config = LlavaOnevisionConfig(vision_feature_select_strategy="default")
    with pytest.raises(ModelError, match="use 'full'"):
        adapter_for(config).check(config)
    adapter_for(LlavaOnevisionConfig()).check(LlavaOnevisionConfig())


def test_clips_of_different_lengths_are_refused(loaded: Loaded) -> None:
    with pytest.raises(ModelError, match=r"equally many frames, not \[4, 3\]"):
        probe(loaded, [probe_clip(4, 60, 90), probe_clip(3, 60, 90)])
