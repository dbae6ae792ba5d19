from typing import Any

import pytest

from tam.errors import ModelError
from tam.media import Media
from tam.testing import LayoutReport, probe_clip, probe_layout, probe_picture
from tests.loaded import Loaded, layout_of, load
from tests.tiny.tagged import CELL, TILE, tiny_llama4


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(tiny_llama4, tmp_path_factory.mktemp("llama4"))


def probe(loaded: Loaded, media: list[Media], **options: Any) -> LayoutReport:
    return probe_layout(*loaded, media, cell_pixels=(CELL, CELL), random_cells=2, **options)


@pytest.mark.parametrize("size", [(100, 150), (20, 13), (30, 200)])
def test_pictures_that_are_enlarged_to_the_whole_canvas(
    loaded: Loaded, size: tuple[int, int]
) -> None:
    model, processor = loaded
    processor.image_processor.resize_to_max_canvas = True
    try:
        report = probe((model, processor), [probe_picture(*size)])
    finally:
        processor.image_processor.resize_to_max_canvas = False
    assert report.passed, report


def ids_of(loaded: Loaded, rows: int, columns: int) -> list[int]:
    tokenizer = loaded[1].tokenizer
    named = tokenizer.convert_tokens_to_ids
    view = [loaded[0].config.image_token_id] * 4
    line = [*view, *[named("<|tile_x_separator|>"), *view] * (columns - 1)]
    tiles = [*line, named("<|tile_y_separator|>")] * rows if rows * columns > 1 else []
    return [named("<|image_start|>"), *tiles, named("<|image|>"), *view, named("<|image_end|>")]


def test_boxes_reach_into_the_padding(loaded: Loaded) -> None:
    found = layout_of(loaded, ids_of(loaded, 2, 3), [probe_picture(100, 150)])
    assert [grid.view for grid in found.grids] == ["tiles", "thumbnail"]
    assert found.grids[0].shape == (1, 4, 6)
    assert found.grids[0].box == (0, 0, 3 * TILE, 2 * TILE)
    assert found.grids[1].box == (0, 0, 150, 100)
    # A canvas of one tile has no other view; the picture is enlarged to fill it in height.
    found = layout_of(loaded, ids_of(loaded, 1, 1), [probe_picture(28, 14)])
    assert [grid.view for grid in found.grids] == ["whole"]
    assert found.grids[0].box == (0, 0, 28, 28)


def test_what_does_not_fit_is_refused(loaded: Loaded) -> None:
    picture = probe_picture(100, 150)
    with pytest.raises(ModelError, match="shows 1 pictures of 2"):
        layout_of(loaded, ids_of(loaded, 2, 3), [picture, picture])
    with pytest.raises(ModelError, match="takes no clips"):
        layout_of(loaded, ids_of(loaded, 2, 3), [probe_clip(2, 50, 70)])
    ids = ids_of(loaded, 2, 3)
    with pytest.raises(ModelError, match="5 tiles do not fill 2 rows"):
        layout_of(loaded, ids[:1] + ids[6:], [picture])
