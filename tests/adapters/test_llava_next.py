from typing import Any

import pytest
from transformers import LlavaNextConfig

from tam.errors import ModelError
from tam.families.registry import adapter_for
from tam.media import Media
from tam.testing import LayoutReport, probe_clip, probe_layout, probe_picture
from tests.loaded import Loaded, layout_of, load
from tests.tiny.anyres import CELL, tiny_llava_next, tiny_llava_next_video
from tests.wrong_views import (
    Rearrange,
    Rearranged,
    columns_first,
    exchanged_media,
    later_frame,
    of_each_grid,
    other_arrangement,
    shifted_down,
    shifted_right,
    thumbnail_at_the_other_end,
)

# (height, width), and the rows and columns of tokens that remain of the canvas without padding.
CANVASES = {
    (100, 150): (6, 8),
    (150, 100): (8, 6),
    (56, 112): (4, 8),
    (40, 112): (2, 8),
    (64, 300): (2, 8),
    (20, 13): (4, 2),
    (112, 112): (8, 8),
    (301, 203): (8, 6),
}

# So thin that all of their canvas counts as padding; the model itself removes those tokens.
THIN = {(64, 1000): 0, (1000, 64): 12, (3, 40): 0}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(tiny_llava_next, tmp_path_factory.mktemp("llava_next"))


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(tiny_llava_next_video, tmp_path_factory.mktemp("llava_next_video"))


def probe(loaded: Loaded, media: list[Media], cell: int = CELL, **options: Any) -> LayoutReport:
    return probe_layout(*loaded, media, cell_pixels=(cell, cell), random_cells=2, **options)


@pytest.mark.parametrize("size", [*CANVASES, *THIN])
def test_every_token_sees_its_cell_and_no_other(loaded: Loaded, size: tuple[int, int]) -> None:
    report = probe(loaded, [probe_picture(*size)])
    assert report.passed, report


@pytest.mark.parametrize(("size", "canvas"), CANVASES.items())
def test_canvases(loaded: Loaded, size: tuple[int, int], canvas: tuple[int, int]) -> None:
    rows, columns = canvas
    count = 16 + rows * (columns + 1)
    image = loaded[0].config.image_token_id
    found = layout_of(loaded, [image] * count, [probe_picture(*size)])
    assert [grid.view for grid in found.grids] == ["thumbnail", "tiles"]
    assert found.grids[1].shape == (1, rows, columns)
    assert found.separators.tolist() == list(range(16 + columns, count, columns + 1))


def test_seams_are_where_the_canvas_is_cut(loaded: Loaded) -> None:
    image = loaded[0].config.image_token_id
    for size, seams in (
        # 112 × 74.7 pixels in the middle of two by two tiles of 56 pixels.
        ((100, 150), ((75,), (50.67,))),
        ((56, 112), ((56,), ())),
    ):
        rows, columns = CANVASES[size]
        ids = [image] * (16 + rows * (columns + 1))
        tiles = layout_of(loaded, ids, [probe_picture(*size)]).grids[1]
        assert tiles.seams[0] == pytest.approx(seams[0], abs=0.01)
        assert tiles.seams[1] == pytest.approx(seams[1], abs=0.01)


@pytest.mark.parametrize(("size", "newlines"), THIN.items())
def test_of_very_thin_pictures_the_base_view_is_left(
    loaded: Loaded, size: tuple[int, int], newlines: int
) -> None:
    image = loaded[0].config.image_token_id
    found = layout_of(loaded, [image] * (16 + newlines), [probe_picture(*size)])
    assert [grid.view for grid in found.grids] == ["thumbnail"]
    assert found.separators.size == newlines


def test_several_pictures_and_the_same_twice(loaded: Loaded) -> None:
    picture = probe_picture(100, 150)
    report = probe(loaded, [picture, probe_picture(300, 64), picture])
    assert report.passed, report
    assert {result.block.media for result in report.results} == {0, 1, 2}


@pytest.mark.parametrize("frames", [1, 4])
@pytest.mark.parametrize("size", [(60, 120), (301, 203), (30, 200)])
def test_clips(video: Loaded, frames: int, size: tuple[int, int]) -> None:
    report = probe(video, [probe_clip(frames, *size)], 2 * CELL)
    assert report.passed, report
    assert {result.block.frame for result in report.results} == set(range(frames))


def test_pictures_and_clips_in_any_order(video: Loaded) -> None:
    media = [
        probe_picture(60, 90),
        probe_clip(3, 90, 60),
        probe_picture(40, 200),
        probe_clip(3, 60, 60),
    ]
    report = probe(video, media)
    assert report.passed, report
    assert {result.block.media for result in report.results} == set(range(4))


@pytest.mark.parametrize(
    ("rearrange", "media"),
    [
        (of_each_grid(columns_first), [probe_picture(100, 150)]),
        (of_each_grid(other_arrangement), [probe_picture(100, 150)]),
        (of_each_grid(shifted_right), [probe_picture(100, 150)]),
        (of_each_grid(shifted_down), [probe_picture(300, 150)]),
        (thumbnail_at_the_other_end, [probe_picture(100, 150)]),
        (exchanged_media, [probe_picture(100, 150), probe_picture(100, 150)]),
    ],
)
def test_the_probe_finds_what_is_wrong(
    loaded: Loaded, rearrange: Rearrange, media: list[Media]
) -> None:
    wrong = Rearranged(adapter_for(loaded[0].config), rearrange)
    assert not probe(loaded, media, adapter=wrong).passed


@pytest.mark.parametrize("change", [later_frame, columns_first, shifted_right])
def test_the_probe_finds_wrong_clips(video: Loaded, change: Any) -> None:
    wrong = Rearranged(adapter_for(video[0].config), of_each_grid(change))
    assert not probe(video, [probe_clip(3, 60, 120)], 2 * CELL, adapter=wrong).passed


def test_what_does_not_fit_is_refused(loaded: Loaded) -> None:
    image = loaded[0].config.image_token_id
    with pytest.raises(ModelError, match="has 69 image tokens where its pictures need 70"):
        layout_of(loaded, [image] * 69, [probe_picture(100, 150)])
    with pytest.raises(ModelError, match="takes no clips"):
        layout_of(loaded, [image] * 70, [probe_clip(2, 100, 150)])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"vision_config": {"model_type": "pixtral"}}, "'pixtral' is not known to take a square"),
        ({"vision_feature_select_strategy": "full"}, "use 'default'"),
        ({"vision_config": {"model_type": "siglip_vision_model"}}, "use 'full'"),
    ],
)
def test_towers_that_are_refused_before_weights_are_loaded(
    settings: dict[str, Any], message: str
) -> None:
    config = LlavaNextConfig(**settings)
    with pytest.raises(ModelError, match=message):
        adapter_for(config).check(config)


def test_clips_of_different_lengths_are_refused(video: Loaded) -> None:
    with pytest.raises(ModelError, match=r"equally many frames, not \[4, 3\]"):
        probe(video, [probe_clip(4, 60, 90), probe_clip(3, 60, 90)])
