import pytest
from transformers import VipLlavaConfig

from tam.errors import ModelError
from tam.families.registry import adapter_for
from tam.testing import probe_layout, probe_picture
from tests.altered import Altered, Change, column_major, next_position, whole_picture
from tests.loaded import Loaded, load
from tests.tiny.square import tiny_vipllava

pytestmark = pytest.mark.model_type("vipllava")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(tiny_vipllava, tmp_path_factory.mktemp("vipllava"))


@pytest.mark.parametrize("size", [(100, 150), (301, 203), (64, 1000), (1000, 64), (20, 13)])
def test_every_token_sees_its_cell_and_no_other(loaded: Loaded, size: tuple[int, int]) -> None:
    report = probe_layout(*loaded, [probe_picture(*size)], random_cells=2)
    assert report.passed, report


def test_several_pictures_and_the_same_twice(loaded: Loaded) -> None:
    picture = probe_picture(100, 150)
    report = probe_layout(*loaded, [picture, probe_picture(300, 64), picture], random_cells=0)
    assert report.passed, report


@pytest.mark.parametrize("change", [column_major, whole_picture, next_position])
def test_the_probe_finds_what_is_wrong(loaded: Loaded, change: Change) -> None:
    wrong = Altered(adapter_for(loaded[0].config), change)
    assert not probe_layout(*loaded, [probe_picture(200, 300)], adapter=wrong).passed


def test_towers_without_a_class_token_are_refused() -> None:
    config = VipLlavaConfig(vision_config={"model_type": "siglip_vision_model"})
    with pytest.raises(ModelError, match="'siglip_vision_model' is not supported"):
        adapter_for(config).check(config)
