import pytest

from tam.errors import ModelError
from tam.families.registry import adapter_for
from tam.media import Media
from tam.testing import LayoutReport, probe_clip, probe_layout, probe_picture
from tests.altered import (
    Altered,
    Change,
    column_major,
    exchanged_axes,
    later_frames,
    reordered,
    shifted,
)
from tests.loaded import Loaded, layout_of, load
from tests.tiny.one_view import GEMMA_CELL, tiny_gemma4

CELL = (GEMMA_CELL, GEMMA_CELL)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(tiny_gemma4, tmp_path_factory.mktemp("gemma4"))


def probe(loaded: Loaded, *media: Media, cells: int = 2) -> LayoutReport:
    return probe_layout(*loaded, media, cell_pixels=CELL, random_cells=cells)


# The last two are one token high and one token wide.
@pytest.mark.parametrize(
    "size", [(100, 150), (700, 500), (64, 1000), (20, 13), (12, 1200), (1200, 12)]
)
def test_every_token_sees_its_cell_and_no_other(loaded: Loaded, size: tuple[int, int]) -> None:
    report = probe(loaded, probe_picture(*size))
    assert report.passed, report


@pytest.mark.transformers("5.23")
@pytest.mark.parametrize("frames", [1, 3])
def test_clips(loaded: Loaded, frames: int) -> None:
    report = probe(loaded, probe_clip(frames, 60, 120), cells=0)
    assert report.passed, report
    assert {result.block.frame for result in report.results} == set(range(frames))


@pytest.mark.transformers("5.23")
def test_pictures_and_clips_in_any_order_and_the_same_twice(loaded: Loaded) -> None:
    picture, clip = probe_picture(60, 90), probe_clip(2, 90, 60)
    media = [picture, clip, probe_picture(40, 200), picture, probe_clip(3, 40, 200)]
    report = probe(loaded, *media, cells=0)
    assert report.passed, report
    assert {result.block.media for result in report.results} == set(range(5))


@pytest.mark.parametrize(
    ("change", "media"),
    [
        (column_major, [probe_picture(100, 150)]),
        (exchanged_axes, [probe_picture(64, 1000)]),
        (shifted(0.1, 0), [probe_picture(300, 200)]),
        pytest.param(later_frames, [probe_clip(3, 60, 90)], marks=pytest.mark.transformers("5.23")),
        (reordered([1, 0]), [probe_picture(60, 90), probe_picture(60, 90)]),
    ],
    ids=["columns", "axes", "right", "frames", "pictures"],
)
def test_the_probe_finds_what_is_wrong(loaded: Loaded, change: Change, media: list[Media]) -> None:
    wrong = Altered(adapter_for(loaded[0].config), change)
    assert not probe_layout(*loaded, media, adapter=wrong, cell_pixels=CELL).passed


def test_padding_is_no_patch(loaded: Loaded) -> None:
    image = loaded[0].config.image_token_id
    patches = [[x, y] for y in range(3) for x in range(6)]
    found = layout_of(
        loaded,
        [1, image, image, 2],
        [probe_picture(24, 48)],
        image_position_ids=[patches + [[-1, -1]] * 4],
    )
    assert found.grids[0].shape == (1, 1, 2)
    assert found.grids[0].box == (0, 0, 48, 24)


@pytest.mark.transformers("5.23")
def test_frames_that_the_processor_left_out_are_noticed(loaded: Loaded) -> None:
    with pytest.raises(ModelError, match=r"encoded 1 of 2.*do_sample_frames"):
        layout_of(loaded, [1], [probe_clip(2, 24, 24)], video_position_ids=[[[0, 0], [2, 2]]])
