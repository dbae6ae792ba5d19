import pytest

from tam.errors import ModelError
from tam.families.registry import adapter_for
from tam.testing import probe_clip, probe_layout, probe_picture
from tests.altered import Altered, Change, column_major, exchanged_axes, next_position, shifted
from tests.loaded import Loaded, layout_of, load
from tests.tiny.grid_thw import tiny_paddleocr_vl


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(tiny_paddleocr_vl, tmp_path_factory.mktemp("paddleocr_vl"))


@pytest.mark.parametrize("size", [(100, 150), (700, 500), (28, 1000), (1000, 28), (20, 13)])
def test_every_token_sees_its_cell_and_no_other(loaded: Loaded, size: tuple[int, int]) -> None:
    report = probe_layout(*loaded, [probe_picture(*size)], random_cells=2)
    assert report.passed, report


def test_several_pictures_and_the_same_twice(loaded: Loaded) -> None:
    picture = probe_picture(60, 90)
    report = probe_layout(*loaded, [picture, probe_picture(40, 200), picture], random_cells=0)
    assert report.passed, report


@pytest.mark.parametrize(
    "change", [column_major, exchanged_axes, next_position, shifted(0.1, 0), shifted(0, -0.1)]
)
def test_the_probe_finds_what_is_wrong(loaded: Loaded, change: Change) -> None:
    wrong = Altered(adapter_for(loaded[0].config), change)
    assert not probe_layout(*loaded, [probe_picture(100, 150)], adapter=wrong).passed


def test_clips_are_refused(loaded: Loaded) -> None:
    with pytest.raises(ModelError, match="PaddleOCR-VL takes no clips"):
        layout_of(loaded, [1], [probe_clip(2, 60, 90)])
