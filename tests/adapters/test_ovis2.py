from typing import Any

import pytest
from transformers import Ovis2Config

from tam.errors import ModelError
from tam.families.registry import adapter_for
from tam.media import Media
from tam.testing import LayoutReport, probe_clip, probe_layout, probe_picture
from tests.loaded import Loaded, layout_of, load
from tests.tiny.tagged import CELL, tiny_ovis2
from tests.wrong_views import (
    Rearranged,
)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(tiny_ovis2, tmp_path_factory.mktemp("ovis2"))


def probe(loaded: Loaded, media: list[Media], **options: Any) -> LayoutReport:
    return probe_layout(*loaded, media, cell_pixels=(CELL, CELL), random_cells=2, **options)


def test_the_other_rule_of_arranging_tiles(loaded: Loaded) -> None:
    model, processor = loaded
    processor.image_processor.use_covering_area_grid = False
    try:
        report = probe((model, processor), [probe_picture(100, 150), probe_picture(20, 60)])
    finally:
        processor.image_processor.use_covering_area_grid = True
    assert report.passed, report


def test_the_marks_are_vision_tokens(loaded: Loaded) -> None:
    def without_marks(layout: Any) -> Any:
        return type(layout)(layout.grids, layout.separators[:0])

    wrong = Rearranged(adapter_for(loaded[0].config), without_marks)
    report = probe(loaded, [probe_picture(20, 13)], adapter=wrong)
    assert len(report.unplaced) == 3
    assert not report.missed


def test_what_does_not_fit_is_refused(loaded: Loaded) -> None:
    config = loaded[0].config
    start, grid, column, row, end = config.visual_indicator_token_ids
    view, picture = [config.image_token_id] * 4, probe_picture(50, 70)
    with pytest.raises(ModelError, match="shows 1 pictures of 2"):
        layout_of(loaded, [start, *view, grid, end], [picture, picture])
    ids = [start, *view, grid, *view, column, *view, row, *view, end]
    with pytest.raises(ModelError, match="3 tiles do not fill 2 rows"):
        layout_of(loaded, ids, [picture])
    with pytest.raises(ModelError, match="come before any picture's start"):
        layout_of(loaded, [*view, grid, end], [picture])
    with pytest.raises(ModelError, match="takes no clips"):
        layout_of(loaded, [start, *view, grid, end], [probe_clip(2, 50, 70)])


def test_tokens_that_do_not_fill_a_tile_are_refused_before_weights_are_loaded() -> None:
    config = Ovis2Config(vision_config={"image_size": 98, "patch_size": 14, "hidden_stride": 2})
    with pytest.raises(ModelError, match="98 pixels do not divide into tokens"):
        adapter_for(config).check(config)
    config = Ovis2Config(vision_config={"image_size": 448, "patch_size": 14, "hidden_stride": 2})
    adapter_for(config).check(config)
