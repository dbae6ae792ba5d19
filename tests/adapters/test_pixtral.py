"""LLaVA on a Pixtral tower."""

from typing import Any

import pytest
from transformers import LlavaConfig

from tam.errors import ModelError
from tam.families.registry import adapter_for
from tam.testing import probe_clip, probe_layout, probe_picture
from tests.altered import Altered, Change, centre_square, column_major, exchanged_axes, shifted
from tests.loaded import Loaded, layout_of, load
from tests.tiny.one_view import tiny_pixtral

SIZES = [(100, 150), (700, 500), (14, 1000), (1000, 14), (9, 13)]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(tiny_pixtral, tmp_path_factory.mktemp("pixtral"))


@pytest.mark.parametrize("size", SIZES)
def test_every_token_sees_its_cell_and_no_other(loaded: Loaded, size: tuple[int, int]) -> None:
    report = probe_layout(*loaded, [probe_picture(*size)], random_cells=2)
    assert report.passed, report


def test_several_pictures_and_the_same_twice(loaded: Loaded) -> None:
    picture = probe_picture(100, 150)
    report = probe_layout(*loaded, [picture, probe_picture(160, 64), picture], random_cells=0)
    assert report.passed, report


@pytest.mark.parametrize("change", [column_major, exchanged_axes, centre_square, shifted(0.1, 0)])
def test_the_probe_finds_what_is_wrong(loaded: Loaded, change: Change) -> None:
    wrong = Altered(adapter_for(loaded[0].config), change)
    assert not probe_layout(*loaded, [probe_picture(100, 150)], adapter=wrong).passed


def test_a_line_break_stands_behind_each_row(loaded: Loaded) -> None:
    image = loaded[0].config.image_token_id
    ids = [1, image, image, 2, image, image, 3]
    found = layout_of(loaded, ids, [probe_picture(28, 28)], image_sizes=[[28, 28]])
    assert found.grids[0].positions.tolist() == [1, 2, 4, 5]
    assert found.separators.size == 0


def test_clips_are_refused(loaded: Loaded) -> None:
    with pytest.raises(ModelError, match="takes no clips"):
        layout_of(loaded, [1], [probe_clip(2, 60, 90)])


def test_a_tower_without_a_class_token_must_be_read_in_full() -> None:
    settings: dict[str, Any] = {"vision_config": {"model_type": "pixtral"}}
    config = LlavaConfig(**settings)
    with pytest.raises(ModelError, match=r"'default' drops .* use 'full'"):
        adapter_for(config).check(config)
    config = LlavaConfig(**settings, vision_feature_select_strategy="full")
    adapter_for(config).check(config)
