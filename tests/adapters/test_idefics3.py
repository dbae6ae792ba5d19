from typing import Any

import pytest

from tam.errors import ModelError
from tam.media import Media
from tam.testing import LayoutReport, probe_clip, probe_layout, probe_picture
from tests.loaded import Loaded, layout_of, load
from tests.tiny.tagged import CELL, tiny_idefics3, tiny_smolvlm

# The processor first resizes the longest edge to 224 pixels and then the picture to whole tiles of
# 56. Both use Lanczos with radius 3, so a token can see up to eight pixels beyond its cell.
TAPS = 8


@pytest.fixture(scope="module", params=[tiny_idefics3, tiny_smolvlm])
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(request.param, tmp_path_factory.mktemp("idefics3"))


@pytest.fixture(scope="module")
def smolvlm(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(tiny_smolvlm, tmp_path_factory.mktemp("smolvlm"))


def probe(
    loaded: Loaded, media: list[Media], cell: tuple[int, int] = (CELL, CELL), **options: Any
) -> LayoutReport:
    return probe_layout(
        *loaded, media, cell_pixels=cell, resize_radius=TAPS, random_cells=2, **options
    )


@pytest.mark.parametrize(("size", "cell"), [((64, 1000), (7, CELL)), ((1000, 64), (CELL, 7))])
def test_very_long_pictures(loaded: Loaded, size: tuple[int, int], cell: tuple[int, int]) -> None:
    """After the longest edge is resized, the short side has 14 pixels for two tokens."""
    report = probe(loaded, [probe_picture(*size)], cell)
    assert report.passed, report


def test_a_picture_that_is_not_cut(loaded: Loaded) -> None:
    model, processor = loaded
    processor.image_processor.do_image_splitting = False
    try:
        report = probe((model, processor), [probe_picture(100, 150), probe_picture(60, 20)])
    finally:
        processor.image_processor.do_image_splitting = True
    assert report.passed, report


@pytest.mark.transformers("5.23")
def test_several_clips(smolvlm: Loaded) -> None:
    report = probe(smolvlm, [probe_clip(3, 60, 120), probe_clip(3, 90, 60)])
    assert report.passed, report


def ids_of(loaded: Loaded, *tags: str) -> list[int]:
    tokenizer, image = loaded[1].tokenizer, loaded[0].config.image_token_id
    return [i for tag in tags for i in (tokenizer.convert_tokens_to_ids(tag), *[image] * 4)]


def test_tiles_are_arranged_by_their_tags(loaded: Loaded) -> None:
    tags = [f"<row_{row}_col_{column}>" for row in (1, 2) for column in (1, 2, 3)]
    found = layout_of(loaded, ids_of(loaded, *tags, "<global-img>"), [probe_picture(50, 70)])
    assert [grid.view for grid in found.grids] == ["tiles", "thumbnail"]
    assert found.grids[0].shape == (1, 4, 6)
    assert found.grids[0].box == (0, 0, 70, 50)
    assert found.grids[0].positions[:6].tolist() == [1, 2, 6, 7, 11, 12]


def test_what_does_not_fit_is_refused(loaded: Loaded) -> None:
    picture = probe_picture(50, 70)
    ids = ids_of(loaded, "<row_1_col_1>", "<row_2_col_2>", "<global-img>")
    with pytest.raises(ModelError, match="not in row-major order"):
        layout_of(loaded, ids, [picture])
    with pytest.raises(ModelError, match="1 views too many"):
        layout_of(loaded, ids_of(loaded, "<global-img>", "<global-img>"), [picture])
    with pytest.raises(ModelError, match="its views have"):
        layout_of(loaded, ids_of(loaded, "<global-img>"), [picture, picture])
    with pytest.raises(ModelError, match=r"takes no clips|pictures and clips together"):
        layout_of(loaded, ids_of(loaded, "<global-img>"), [picture, probe_clip(2, 50, 70)])
