import pytest

from tam.families.registry import adapter_for
from tam.media import Media
from tam.testing import probe_clip, probe_layout, probe_picture
from tests.altered import Altered, Change, column_major, later_frames, shifted
from tests.loaded import Loaded, load
from tests.tiny.grid_thw import tiny_exaone4_5


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(tiny_exaone4_5, tmp_path_factory.mktemp("exaone4_5"))


@pytest.mark.parametrize("size", [(100, 150), (700, 500), (28, 1000), (1000, 28), (20, 13)])
def test_every_token_sees_its_cell_and_no_other(loaded: Loaded, size: tuple[int, int]) -> None:
    report = probe_layout(*loaded, [probe_picture(*size)], random_cells=2)
    assert report.passed, report


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_clips(loaded: Loaded, frames: int) -> None:
    report = probe_layout(*loaded, [probe_clip(frames, 60, 120)], random_cells=0)
    assert report.passed, report
    assert {result.block.frame for result in report.results} == set(range(frames))


def test_pictures_and_clips_in_any_order_and_the_same_twice(loaded: Loaded) -> None:
    picture, clip = probe_picture(60, 90), probe_clip(3, 90, 60)
    media = [picture, clip, probe_picture(40, 200), picture, clip]
    report = probe_layout(*loaded, media, random_cells=0)
    assert report.passed, report


@pytest.mark.parametrize(
    ("change", "media"),
    [
        (column_major, probe_picture(100, 150)),
        (shifted(0.1, 0), probe_picture(300, 200)),
        (later_frames, probe_clip(5, 60, 90)),
    ],
)
def test_the_probe_finds_what_is_wrong(loaded: Loaded, change: Change, media: Media) -> None:
    wrong = Altered(adapter_for(loaded[0].config), change)
    assert not probe_layout(*loaded, [media], adapter=wrong).passed
