from typing import Any

import numpy as np
import pytest

from tam.errors import ModelError
from tam.families.adapter import Encoded, PlacedMedia
from tam.families.registry import adapter_for
from tam.media import Media
from tam.testing import probe_clip, probe_layout, probe_picture
from tests.altered import (
    Altered,
    Change,
    column_major,
    exchanged_axes,
    later_frames,
    next_position,
    reordered,
    shifted,
)
from tests.loaded import Loaded, load
from tests.tiny import grid_thw

FAMILIES = ["qwen3_vl", "qwen3_vl_moe", "qwen3_5", "qwen3_5_moe"]
# (height, width): ordinary, large enough to be shrunk, extreme, enlarged.
SIZES = [(100, 150), (700, 500), (32, 1000), (1000, 32), (20, 13)]


@pytest.fixture(scope="module", params=FAMILIES)
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(grid_thw.BUILDERS[request.param], tmp_path_factory.mktemp("qwen3"))


@pytest.fixture(scope="module")
def qwen3_vl(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(grid_thw.tiny_qwen3_vl, tmp_path_factory.mktemp("qwen3"))


@pytest.mark.parametrize("size", SIZES)
def test_every_token_sees_its_cell_and_no_other(loaded: Loaded, size: tuple[int, int]) -> None:
    report = probe_layout(*loaded, [probe_picture(*size)], random_cells=2)
    assert report.passed, report


@pytest.mark.parametrize("frames", [2, 5])
def test_clips(loaded: Loaded, frames: int) -> None:
    report = probe_layout(*loaded, [probe_clip(frames, 60, 120)], random_cells=0)
    assert report.passed, report
    assert {result.block.frame for result in report.results} == set(range(frames))


def test_pictures_and_clips_in_any_order_and_the_same_twice(loaded: Loaded) -> None:
    picture, clip = probe_picture(60, 90), probe_clip(3, 90, 60)
    media = [picture, clip, probe_picture(40, 200), picture, clip]
    report = probe_layout(*loaded, media, random_cells=0)
    assert report.passed, report
    assert {result.block.media for result in report.results} == set(range(5))


@pytest.mark.parametrize(
    ("change", "media"),
    [
        (column_major, [probe_picture(100, 150)]),
        (exchanged_axes, [probe_picture(32, 1000)]),
        (shifted(0.1, 0), [probe_picture(300, 200)]),
        (next_position, [probe_picture(100, 150)]),
        (later_frames, [probe_clip(5, 60, 90)]),
        (reordered([1, 0]), [probe_picture(60, 90), probe_picture(60, 90)]),
    ],
    ids=["columns", "axes", "right", "next", "frames", "pictures"],
)
def test_the_probe_finds_what_is_wrong(
    qwen3_vl: Loaded, change: Change, media: list[Media]
) -> None:
    model, processor = qwen3_vl
    wrong = Altered(adapter_for(model.config), change)
    assert not probe_layout(model, processor, media, adapter=wrong).passed


def layout(loaded: Loaded, ids: list[int], media: list[Media], **rows: Any) -> Any:
    model, processor = loaded
    arrays = {name: np.array(value, np.int64) for name, value in rows.items()}
    placed = [PlacedMedia(item, turn=0) for item in media]
    encoded = Encoded(np.array(ids, np.int64), arrays, placed, model.config, processor)
    return adapter_for(model.config).vision_layout(encoded)


def test_time_stamps_stand_between_the_cells_of_a_clip(qwen3_vl: Loaded) -> None:
    video = qwen3_vl[0].config.video_token_id
    ids = [1, video, video, 2, 3, video, video, 4]
    found = layout(qwen3_vl, ids, [probe_clip(3, 32, 64)], video_grid_thw=[[2, 2, 4]])
    assert found.grids[0].positions.tolist() == [1, 2, 5, 6]
    assert found.grids[0].shape == (2, 1, 2)
    assert found.grids[0].spans.tolist() == [[0, 2], [2, 3]]


def test_a_clip_whose_cell_is_interrupted_is_refused(qwen3_vl: Loaded) -> None:
    video = qwen3_vl[0].config.video_token_id
    with pytest.raises(ModelError, match="other tokens interrupt those of video"):
        layout(qwen3_vl, [video, 1, video], [probe_clip(2, 32, 64)], video_grid_thw=[[1, 2, 4]])


def test_a_clip_of_one_frame_is_refused(qwen3_vl: Loaded) -> None:
    with pytest.raises(ModelError, match="no clip of fewer than 2 frames"):
        probe_layout(*qwen3_vl, [probe_clip(1, 60, 90)])
