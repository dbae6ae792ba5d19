from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tam.errors import ModelError
from tam.families.registry import adapter_for
from tam.testing import probe_clip, probe_layout, probe_picture
from tests.altered import Altered, Change, column_major, shifted, whole_picture
from tests.loaded import Loaded, layout_of, load
from tests.tiny.fast_vlm import CELL, tiny_fast_vlm


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(tiny_fast_vlm, tmp_path_factory.mktemp("fast_vlm"))


def altered(loaded: Loaded, change: Change) -> Altered:
    adapter = Altered(adapter_for(loaded[0].config), change)
    adapter.convolutional = True
    return adapter


@pytest.mark.parametrize("size", [(300, 200), (64, 640), (256, 256)])
def test_changes_lie_where_their_blocks_do(loaded: Loaded, size: tuple[int, int]) -> None:
    report = probe_layout(*loaded, [probe_picture(*size)])
    assert report.passed, report
    assert all(result.response is not None for result in report.results)


def test_several_pictures(loaded: Loaded) -> None:
    report = probe_layout(*loaded, [probe_picture(90, 60), probe_picture(60, 200)], random_cells=1)
    assert report.passed, report
    assert {result.block.media for result in report.results} == {0, 1}


@pytest.mark.parametrize("change", [column_major, shifted(1, 0), shifted(0, -1)])
def test_a_wrong_layout_is_found(loaded: Loaded, change: Change) -> None:
    report = probe_layout(
        *loaded,
        [probe_picture(300, 200)],
        adapter=altered(loaded, change),
        cell_pixels=(CELL, CELL),
    )
    assert not report.passed


def test_a_crop_that_the_layout_forgets_is_found(loaded: Loaded) -> None:
    model, processor = loaded
    usual = processor.image_processor
    processor.image_processor = type(usual)(
        size={"shortest_edge": 256}, crop_size={"height": 256, "width": 256}
    )
    try:
        right = probe_layout(model, processor, [probe_picture(100, 300)])
        wrong = probe_layout(
            model,
            processor,
            [probe_picture(100, 300)],
            adapter=altered(loaded, whole_picture),
            cell_pixels=(CELL, CELL),
        )
    finally:
        processor.image_processor = usual
    assert right.passed, right
    assert not wrong.passed


def test_clips_are_refused(loaded: Loaded) -> None:
    ids = [loaded[0].config.image_token_id] * 64
    with pytest.raises(ModelError, match="takes no clips"):
        layout_of(loaded, ids, [probe_clip(2, 60, 60)])


def test_other_towers_are_refused(loaded: Loaded) -> None:
    config: Any = SimpleNamespace(vision_config=SimpleNamespace(model_type="clip_vision_model"))
    with pytest.raises(ModelError, match="'clip_vision_model' is not supported"):
        adapter_for(loaded[0].config).check(config)


def test_a_tower_without_attention_is_an_error_only_where_it_should_have_some(
    loaded: Loaded, tmp_path: Path
) -> None:
    adapter = Altered(adapter_for(loaded[0].config), lambda grid, _: grid)
    adapter.convolutional = False
    with pytest.raises(ModelError, match="no attention found"):
        probe_layout(*loaded, [probe_picture(64, 64)], adapter=adapter, cell_pixels=(CELL, CELL))
