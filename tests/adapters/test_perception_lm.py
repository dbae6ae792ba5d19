from typing import Any

import pytest

from tam.errors import ModelError
from tam.media import Media
from tam.testing import LayoutReport, probe_clip, probe_layout, probe_picture
from tests.loaded import Loaded, layout_of, load
from tests.tiny.perception_lm import CELL, tiny_perception_lm

# (height, width) and the rows and columns of tiles that they make.
ARRANGEMENTS = {
    (100, 150): (2, 3),
    (150, 100): (3, 2),
    (64, 1000): (1, 6),
    (1000, 64): (6, 1),
    (20, 13): (3, 2),
    (112, 112): (2, 2),
    (301, 203): (2, 2),
}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(tiny_perception_lm, tmp_path_factory.mktemp("perception_lm"))


def probe(loaded: Loaded, media: list[Media], **options: Any) -> LayoutReport:
    return probe_layout(*loaded, media, cell_pixels=(CELL, CELL), random_cells=2, **options)


@pytest.mark.parametrize(
    "settings", [{"vision_input_type": "vanilla"}, {"max_num_tiles": 1}, {"max_num_tiles": 2}]
)
def test_settings_of_the_image_processor(loaded: Loaded, settings: dict[str, Any]) -> None:
    model, processor = loaded
    usual = processor.image_processor
    processor.image_processor = type(usual)(**{**usual.to_dict(), **settings})
    try:
        report = probe((model, processor), [probe_picture(100, 150)])
    finally:
        processor.image_processor = usual
    assert report.passed, report


def test_pictures_and_clips_in_any_order(loaded: Loaded) -> None:
    media = [probe_clip(3, 90, 60), probe_picture(100, 150), probe_clip(3, 30, 60)]
    report = probe(loaded, media)
    assert report.passed, report
    assert {result.block.media for result in report.results} == {0, 1, 2}


@pytest.mark.parametrize(("size", "arrangement"), ARRANGEMENTS.items())
def test_arrangements(loaded: Loaded, size: tuple[int, int], arrangement: tuple[int, int]) -> None:
    rows, columns = arrangement
    ids = [loaded[0].config.image_token_id] * 4 * (rows * columns + 1)
    found = layout_of(loaded, ids, [probe_picture(*size)])
    assert [grid.view for grid in found.grids] == ["thumbnail", "tiles"]
    assert found.grids[1].shape == (1, 2 * rows, 2 * columns)


def test_what_does_not_fit_is_refused(loaded: Loaded) -> None:
    image = loaded[0].config.image_token_id
    with pytest.raises(ModelError, match="has 27 image tokens where its pictures need 28"):
        layout_of(loaded, [image] * 27, [probe_picture(100, 150)])
    with pytest.raises(ModelError, match=r"equally many views, not \[7, 5\]"):
        probe(loaded, [probe_picture(100, 150), probe_picture(112, 112)])
    with pytest.raises(ModelError, match=r"equally many frames, not \[4, 3\]"):
        probe(loaded, [probe_clip(4, 60, 90), probe_clip(3, 60, 90)])
