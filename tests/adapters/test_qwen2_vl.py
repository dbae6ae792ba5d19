from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import AutoModelForImageTextToText, AutoProcessor

from tam.errors import ModelError
from tam.families.adapter import Encoded, PlacedMedia
from tam.families.registry import adapter_for
from tam.geometry.layout import VisionLayout
from tam.media import Media
from tam.testing import probe_clip, probe_layout, probe_picture
from tests.altered import (
    Altered,
    Change,
    column_major,
    exchanged_axes,
    later_frames,
    reordered,
    shifted,
)
from tests.tiny_models import tiny_qwen2_5_vl, tiny_qwen2_vl

# (height, width): ordinary, large enough to be shrunk, extreme, enlarged, square.
SIZES = [(100, 150), (700, 500), (64, 1000), (1000, 64), (20, 13), (112, 112)]


@pytest.fixture(scope="module", params=[tiny_qwen2_vl, tiny_qwen2_5_vl])
def loaded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Any, Any]:
    make: Callable[[Path], Path] = request.param
    folder = make(tmp_path_factory.mktemp("qwen"))
    model = AutoModelForImageTextToText.from_pretrained(folder).eval()
    return model, AutoProcessor.from_pretrained(folder)


@pytest.fixture(scope="module")
def qwen2_vl(qwen_folder: Path) -> tuple[Any, Any]:
    model = AutoModelForImageTextToText.from_pretrained(qwen_folder).eval()
    return model, AutoProcessor.from_pretrained(qwen_folder)


@pytest.mark.parametrize("size", SIZES)
def test_every_token_sees_its_cell_and_no_other(
    loaded: tuple[Any, Any], size: tuple[int, int]
) -> None:
    report = probe_layout(*loaded, [probe_picture(*size)], random_cells=2)
    assert report.passed, report


@pytest.mark.parametrize("height", [1, 3, 4])
def test_a_height_that_could_be_a_number_of_channels(loaded: tuple[Any, Any], height: int) -> None:
    media = [probe_picture(height, 90), probe_clip(2, height, 90)]
    report = probe_layout(*loaded, media, random_cells=2)
    assert report.passed, report


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_clips(loaded: tuple[Any, Any], frames: int) -> None:
    report = probe_layout(*loaded, [probe_clip(frames, 60, 120)], random_cells=0)
    assert report.passed, report
    assert {result.block.frame for result in report.results} == set(range(frames))


def test_pictures_and_clips_in_any_order_and_the_same_twice(loaded: tuple[Any, Any]) -> None:
    picture, clip = probe_picture(60, 90), probe_clip(3, 90, 60)
    media = [picture, clip, probe_picture(40, 200), picture, clip]
    report = probe_layout(*loaded, media, random_cells=0)
    assert report.passed, report
    assert {result.block.media for result in report.results} == set(range(5))


@pytest.mark.parametrize(
    ("change", "media"),
    [
        (column_major, [probe_picture(100, 150)]),
        (column_major, [probe_picture(64, 1000)]),
        (exchanged_axes, [probe_picture(64, 1000)]),
        (exchanged_axes, [probe_picture(8, 90)]),
        (shifted(0.1, 0), [probe_picture(300, 200)]),
        (shifted(0, -0.1), [probe_picture(300, 200)]),
        (later_frames, [probe_clip(5, 60, 90)]),
        (reordered([1, 0]), [probe_picture(60, 90), probe_picture(60, 90)]),
    ],
    ids=[
        "columns",
        "columns extreme",
        "axes",
        "axes of one row",
        "right",
        "up",
        "frames",
        "pictures",
    ],
)
def test_the_probe_finds_what_is_wrong(
    qwen2_vl: tuple[Any, Any], change: Change, media: list[Media]
) -> None:
    model, processor = qwen2_vl
    wrong = Altered(adapter_for(model.config), change)
    assert not probe_layout(model, processor, media, adapter=wrong).passed


def layout(
    loaded: tuple[Any, Any], ids: list[int], media: list[Media], **rows: list[list[int]]
) -> VisionLayout:
    model, processor = loaded
    arrays = {name: np.array(value, np.int64) for name, value in rows.items()}
    placed = [PlacedMedia(item, turn=index) for index, item in enumerate(media)]
    encoded = Encoded(np.array(ids, np.int64), arrays, placed, model.config, processor)
    return adapter_for(model.config).vision_layout(encoded)


def test_rows_turns_and_spans(qwen2_vl: tuple[Any, Any]) -> None:
    config = qwen2_vl[0].config
    image, video = config.image_token_id, config.video_token_id
    ids = [1, *[image] * 6, 2, *[video] * 4, 3, *[image] * 1]
    found = layout(
        qwen2_vl,
        ids,
        [probe_picture(40, 50), probe_clip(3, 30, 70), probe_picture(10, 10)],
        image_grid_thw=[[1, 4, 6], [1, 2, 2]],
        video_grid_thw=[[2, 2, 4]],
    )
    assert [grid.shape for grid in found.grids] == [(1, 2, 3), (2, 1, 2), (1, 1, 1)]
    assert [grid.turn for grid in found.grids] == [0, 1, 2]
    assert [grid.box for grid in found.grids] == [(0, 0, 50, 40), (0, 0, 70, 30), (0, 0, 10, 10)]
    assert [grid.positions.tolist() for grid in found.grids] == [
        [1, 2, 3, 4, 5, 6],
        [8, 9, 10, 11],
        [13],
    ]
    # The third frame is repeated to fill its cell.
    assert found.grids[1].spans.tolist() == [[0, 2], [2, 3]]
    assert found.separators.size == 0


def test_no_media_is_an_empty_layout(qwen2_vl: tuple[Any, Any]) -> None:
    assert layout(qwen2_vl, [1, 2, 3], []).grids == ()


def test_what_does_not_fit_is_refused(qwen2_vl: tuple[Any, Any]) -> None:
    config = qwen2_vl[0].config
    image, video = config.image_token_id, config.video_token_id
    picture, clip = probe_picture(40, 50), probe_clip(8, 40, 50)
    grid = [[1, 2, 4]]
    with pytest.raises(ModelError, match="has 3 image tokens where its pictures need 2"):
        layout(qwen2_vl, [image] * 3, [picture], image_grid_thw=grid)
    with pytest.raises(ModelError, match="other tokens interrupt those of image 1"):
        layout(qwen2_vl, [image, 1, image], [picture], image_grid_thw=grid)
    with pytest.raises(ModelError, match="encoded 1 of 2"):
        layout(qwen2_vl, [image] * 2, [picture, picture], image_grid_thw=grid)
    with pytest.raises(ModelError, match=r"8 frames became 2 temporal cells.*do_sample_frames"):
        layout(qwen2_vl, [video] * 4, [clip], video_grid_thw=[[2, 2, 4]])
