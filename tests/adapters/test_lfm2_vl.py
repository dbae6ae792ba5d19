from typing import Any

import pytest

from tam.errors import ModelError
from tam.media import Media
from tam.testing import LayoutReport, probe_clip, probe_layout, probe_picture
from tests.loaded import Loaded, layout_of, load
from tests.tiny.lfm2_vl import CELL, tiny_lfm2_vl

# (height, width): some are whole, some cut into tiles.


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(tiny_lfm2_vl, tmp_path_factory.mktemp("lfm2_vl"))


def probe(loaded: Loaded, media: list[Media], **options: Any) -> LayoutReport:
    return probe_layout(*loaded, media, cell_pixels=(CELL, CELL), random_cells=2, **options)


def test_tiles_without_a_thumbnail(loaded: Loaded) -> None:
    model, processor = loaded
    processor.image_processor.use_thumbnail = False
    try:
        report = probe((model, processor), [probe_picture(100, 150), probe_picture(60, 110)])
    finally:
        processor.image_processor.use_thumbnail = True
    assert report.passed, report


def ids_of(loaded: Loaded, *views: tuple[str, int]) -> list[int]:
    named, image = loaded[1].tokenizer.convert_tokens_to_ids, loaded[0].config.image_token_id
    tokens = [i for tag, count in views for i in (named(tag), *[image] * count)]
    return [named("<|image_start|>"), *tokens, named("<|image_end|>")]


def test_the_thumbnail_has_a_shape_of_its_own(loaded: Loaded) -> None:
    tiles = [(f"<|img_row_{row}_col_{column}|>", 4) for row in (1, 2) for column in (1, 2, 3)]
    ids = ids_of(loaded, *tiles, ("<|img_thumbnail|>", 6))
    sizes = [[4, 4]] * 6 + [[4, 6]]
    found = layout_of(loaded, ids, [probe_picture(50, 70)], spatial_shapes=sizes)
    assert [grid.view for grid in found.grids] == ["tiles", "thumbnail"]
    assert [grid.shape for grid in found.grids] == [(1, 4, 6), (1, 2, 3)]
    assert [grid.box for grid in found.grids] == [(0, 0, 70, 50)] * 2


def test_what_does_not_fit_is_refused(loaded: Loaded) -> None:
    picture = probe_picture(50, 70)
    whole = ids_of(loaded, ("<s>", 4))
    with pytest.raises(ModelError, match=r"the views \[\(2, 3\)\] have \[4\] tokens"):
        layout_of(loaded, whole, [picture], spatial_shapes=[[4, 6]])
    with pytest.raises(ModelError, match="shows 1 pictures of 2"):
        layout_of(loaded, whole, [picture, picture], spatial_shapes=[[4, 4]])
    ids = ids_of(loaded, ("<|img_row_1_col_2|>", 4), ("<|img_thumbnail|>", 4))
    with pytest.raises(ModelError, match="not in row-major order"):
        layout_of(loaded, ids, [picture], spatial_shapes=[[4, 4]] * 2)
    with pytest.raises(ModelError, match="takes no clips"):
        layout_of(loaded, whole, [probe_clip(2, 50, 70)], spatial_shapes=[[4, 4]])
