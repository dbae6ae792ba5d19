import pytest
from transformers import VideoLlavaConfig

from tam.errors import ModelError
from tam.families.registry import adapter_for
from tam.media import Media
from tam.testing import probe_clip, probe_layout, probe_picture
from tests.altered import Altered, Change, column_major, later_frames, whole_picture
from tests.loaded import Loaded, layout_of, load
from tests.tiny.square import SIDE, tiny_video_llava


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(tiny_video_llava, tmp_path_factory.mktemp("video_llava"))


@pytest.mark.parametrize("size", [(100, 150), (301, 203), (64, 1000), (1000, 64), (20, 13)])
def test_every_token_sees_its_cell_and_no_other(loaded: Loaded, size: tuple[int, int]) -> None:
    report = probe_layout(*loaded, [probe_picture(*size)], random_cells=2)
    assert report.passed, report


@pytest.mark.parametrize(("frames", "size"), [(1, (100, 150)), (8, (60, 120)), (3, (300, 64))])
def test_clips(loaded: Loaded, frames: int, size: tuple[int, int]) -> None:
    report = probe_layout(*loaded, [probe_clip(frames, *size)], random_cells=0)
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
        (column_major, probe_picture(200, 300)),
        (whole_picture, probe_picture(200, 300)),
        (column_major, probe_clip(2, 200, 300)),
        (later_frames, probe_clip(3, 60, 90)),
    ],
)
def test_the_probe_finds_what_is_wrong(loaded: Loaded, change: Change, media: Media) -> None:
    wrong = Altered(adapter_for(loaded[0].config), change)
    assert not probe_layout(*loaded, [media], adapter=wrong).passed


def test_the_class_token_of_each_frame_is_a_separator(loaded: Loaded) -> None:
    length = SIDE**2 + 1
    video = loaded[0].config.video_token_id
    found = layout_of(loaded, [1, *[video] * (2 * length), 2], [probe_clip(2, 84, 84)])
    assert found.separators.tolist() == [1, 1 + length]
    assert found.grids[0].shape == (2, SIDE, SIDE)
    assert found.grids[0].spans.tolist() == [[0, 1], [1, 2]]


def test_clips_of_different_lengths_are_refused(loaded: Loaded) -> None:
    with pytest.raises(ModelError, match=r"equal length, not of \[2, 3\] frames"):
        probe_layout(*loaded, [probe_clip(2, 60, 90), probe_clip(3, 60, 90)])


def test_other_towers_are_refused() -> None:
    config = VideoLlavaConfig(vision_config={"model_type": "siglip_vision_model"})
    with pytest.raises(ModelError, match="'siglip_vision_model' is not supported"):
        adapter_for(config).check(config)
