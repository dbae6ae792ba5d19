from typing import Any

import pytest

from tam.errors import ModelError
from tam.media import Media
from tam.registry import adapter_for
from tam.testing import LayoutReport, probe_clip, probe_layout, probe_picture
from tests.loaded import Loaded, layout_of, load
from tests.tiny.minicpmv4_6 import CELL, tiny_minicpmv4_6
from tests.wrong_views import (
    Rearrange,
    Rearranged,
    columns_first,
    exchanged_media,
    later_frame,
    next_token,
    of_each_grid,
    other_arrangement,
    shifted_down,
    shifted_right,
    thumbnail_at_the_other_end,
    tile_after_tile,
)

# The video processor of transformers hands a tensor to numpy in a way that numpy is going to drop.
pytestmark = pytest.mark.filterwarnings("ignore:__array_wrap__ must accept:DeprecationWarning")

SIZES = [
    (100, 150),
    (150, 100),
    (64, 1000),
    (1000, 64),
    (20, 13),
    (112, 112),
    (301, 203),
    (3, 40),
    (56, 168),
]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(tiny_minicpmv4_6, tmp_path_factory.mktemp("minicpmv4_6"))


def probe(loaded: Loaded, media: list[Media], **options: Any) -> LayoutReport:
    return probe_layout(*loaded, media, cell_pixels=(CELL, CELL), random_cells=2, **options)


@pytest.mark.parametrize("size", SIZES)
def test_every_token_sees_its_cell_and_no_other(loaded: Loaded, size: tuple[int, int]) -> None:
    report = probe(loaded, [probe_picture(*size)])
    assert report.passed, report


def test_pictures_of_which_each_token_covers_a_quarter(loaded: Loaded) -> None:
    """The finer of the two settings merges patches once only."""
    model, processor = loaded
    usual = processor.image_processor
    processor.image_processor = type(usual)(**{**usual.to_dict(), "downsample_mode": "4x"})
    model.config.downsample_mode = "4x"
    try:
        report = probe_layout(
            model, processor, [probe_picture(100, 150)], cell_pixels=(CELL // 2, CELL // 2)
        )
    finally:
        processor.image_processor, model.config.downsample_mode = usual, "16x"
    assert report.passed, report


@pytest.mark.parametrize(("frames", "size"), [(1, (30, 40)), (4, (60, 120)), (3, (200, 90))])
def test_clips(loaded: Loaded, frames: int, size: tuple[int, int]) -> None:
    report = probe(loaded, [probe_clip(frames, *size)])
    assert report.passed, report
    assert {result.block.frame for result in report.results} == set(range(frames))


def test_pictures_and_clips_in_any_order_and_the_same_twice(loaded: Loaded) -> None:
    picture = probe_picture(60, 90)
    media = [picture, probe_clip(3, 90, 60), probe_clip(2, 30, 60), picture]
    report = probe(loaded, media)
    assert report.passed, report
    assert {result.block.media for result in report.results} == set(range(4))


@pytest.mark.parametrize(
    ("rearrange", "media"),
    [
        (of_each_grid(tile_after_tile), [probe_picture(100, 150)]),
        (of_each_grid(columns_first), [probe_picture(100, 150)]),
        (of_each_grid(other_arrangement), [probe_picture(56, 168)]),
        (of_each_grid(shifted_right), [probe_picture(100, 150)]),
        (of_each_grid(shifted_down), [probe_picture(100, 150)]),
        (of_each_grid(next_token), [probe_picture(100, 150)]),
        (of_each_grid(later_frame), [probe_clip(3, 60, 90)]),
        (of_each_grid(tile_after_tile), [probe_clip(3, 100, 150)]),
        (thumbnail_at_the_other_end, [probe_picture(100, 150)]),
        (exchanged_media, [probe_picture(100, 150), probe_picture(100, 150)]),
    ],
)
def test_the_probe_finds_what_is_wrong(
    loaded: Loaded, rearrange: Rearrange, media: list[Media]
) -> None:
    wrong = Rearranged(adapter_for(loaded[0].config), rearrange)
    assert not probe(loaded, media, adapter=wrong).passed


def ids_of(loaded: Loaded, rows: list[int]) -> list[int]:
    """A picture of 2 × 2 tokens, and rows of so many slices of 2 × 2 tokens."""
    start, end, first, last = loaded[1].tokenizer.convert_tokens_to_ids(
        ["<image>", "</image>", "<slice>", "</slice>"]
    )
    view = [loaded[0].config.image_token_id] * 4
    lines = [[first, *view, last] * count for count in rows]
    slices = [token for line in lines for token in (*line, 1)]
    return [start, *view, end, *slices]


def test_rows_of_slices_end_in_a_line_break(loaded: Loaded) -> None:
    sizes = [[8, 8]] * 7
    found = layout_of(loaded, ids_of(loaded, [3, 3]), [probe_picture(50, 70)], target_sizes=sizes)
    assert [grid.view for grid in found.grids] == ["thumbnail", "tiles"]
    assert found.grids[1].shape == (1, 4, 6)
    assert found.grids[1].box == (0, 0, 70, 50)


def test_what_does_not_fit_is_refused(loaded: Loaded) -> None:
    picture, sizes = probe_picture(50, 70), [[8, 8]] * 4
    with pytest.raises(ModelError, match="its 3 slices are not 2 rows"):
        layout_of(loaded, ids_of(loaded, [2, 1]), [picture], target_sizes=sizes)
    with pytest.raises(ModelError, match="shows 3 views of 4"):
        layout_of(loaded, ids_of(loaded, [2]), [picture], target_sizes=sizes)
    with pytest.raises(ModelError, match="8 × 12 patches became 4 tokens"):
        layout_of(loaded, ids_of(loaded, []), [picture], target_sizes=[[8, 12]])
    with pytest.raises(ModelError, match="shows 1 pictures of 2"):
        layout_of(loaded, ids_of(loaded, []), [picture, picture], target_sizes=[[8, 8]])
    video = loaded[0].config.video_token_id
    start = loaded[1].tokenizer.convert_tokens_to_ids("<image>")
    ids = [start, *[video] * 4]
    with pytest.raises(ModelError, match=r"shows 1 of 2 frames.*do_sample_frames"):
        layout_of(loaded, ids, [probe_clip(2, 50, 70)], target_sizes_videos=[[8, 8]])
