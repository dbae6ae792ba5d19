from types import SimpleNamespace
from typing import Any

import pytest

from tam.errors import ModelError
from tam.media import Media
from tam.testing import LayoutReport, probe_clip, probe_layout, probe_picture
from tests.loaded import Loaded, layout_of, load
from tests.tiny.tiled import CELL, tiny_internvl

# (height, width) and the rows and columns of tiles that they make.
ARRANGEMENTS = {
    (100, 150): (2, 3),
    (150, 100): (3, 2),
    (64, 1000): (1, 6),
    (1000, 64): (6, 1),
    (20, 13): (3, 2),
    (112, 112): (2, 2),
    (30, 30): (1, 1),
    (301, 203): (3, 2),
    (3, 40): (1, 6),
}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(tiny_internvl, tmp_path_factory.mktemp("internvl"))


def probe(loaded: Loaded, media: list[Media], **options: Any) -> LayoutReport:
    cell = (CELL, CELL)
    return probe_layout(*loaded, media, cell_pixels=cell, random_cells=2, **options)


@pytest.mark.filterwarnings("ignore:__array_wrap__ must accept:DeprecationWarning")
def test_pictures_that_are_not_cut(loaded: Loaded) -> None:
    processor = loaded[1]
    usual = processor.image_processor.max_patches
    processor.image_processor.max_patches = 1
    try:
        report = probe(loaded, [probe_picture(100, 150), probe_picture(64, 300)])
    finally:
        processor.image_processor.max_patches = usual
    assert report.passed, report


@pytest.mark.parametrize(("size", "arrangement"), ARRANGEMENTS.items())
def test_arrangements(loaded: Loaded, size: tuple[int, int], arrangement: tuple[int, int]) -> None:
    rows, columns = arrangement
    views = rows * columns + (rows * columns > 1)
    found = layout_of(loaded, [loaded[0].config.image_token_id] * 4 * views, [probe_picture(*size)])
    assert found.grids[0].shape == (1, 2 * rows, 2 * columns)
    assert [grid.view for grid in found.grids] == (
        ["whole"] if views == 1 else ["tiles", "thumbnail"]
    )
    assert all(grid.box == (0, 0, size[1], size[0]) for grid in found.grids)


def test_what_does_not_fit_is_refused(loaded: Loaded) -> None:
    image = loaded[0].config.image_token_id
    picture, clip = probe_picture(100, 150), probe_clip(2, 100, 150)
    with pytest.raises(ModelError, match=r"shows 5 views .* 2 × 3 tiles plus a thumbnail"):
        layout_of(loaded, [image] * 20, [picture])
    with pytest.raises(ModelError, match="do not form whole views"):
        layout_of(loaded, [image] * 27, [picture])
    with pytest.raises(ModelError, match="1 pictures or frames too many"):
        layout_of(loaded, [*[image] * 28, 1, *[image] * 4], [picture])
    with pytest.raises(ModelError, match="4 video tokens do not make 2 frames of 2 × 2 tokens"):
        layout_of(loaded, [image] * 4, [clip])
    other = SimpleNamespace(image_seq_length=4, image_processor=SimpleNamespace())
    with pytest.raises(ModelError, match="has no known function that arranges"):
        layout_of((loaded[0], other), [image] * 28, [picture])


def test_clips_of_different_lengths_are_refused(loaded: Loaded) -> None:
    with pytest.raises(ModelError, match=r"equally many frames, not \[4, 3\]"):
        probe(loaded, [probe_clip(4, 60, 90), probe_clip(3, 60, 90)])
