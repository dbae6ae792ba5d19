from pathlib import Path

import pytest

from tam.errors import ModelError
from tam.families.registry import adapter_for
from tam.testing import probe_clip, probe_layout, probe_picture
from tests.altered import (
    Altered,
    Change,
    centre_square,
    column_major,
    exchanged_axes,
    reordered,
    shifted,
    whole_picture,
)
from tests.loaded import Loaded, layout_of, load
from tests.tiny.one_view import BUILDERS, PATCH, tiny_lighton_ocr

CELL = (2 * PATCH, 2 * PATCH)
# (height, width): ordinary, shrunk, extreme, lower than a token.
SIZES = [(100, 150), (700, 500), (28, 1000), (1000, 28), (20, 40)]


@pytest.fixture(scope="module", params=["mistral3", "lighton_ocr"])
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(BUILDERS[request.param], tmp_path_factory.mktemp("mistral3"))


@pytest.mark.parametrize("size", SIZES)
def test_every_token_sees_its_cell_and_no_other(loaded: Loaded, size: tuple[int, int]) -> None:
    report = probe_layout(*loaded, [probe_picture(*size)], cell_pixels=CELL, random_cells=2)
    assert report.passed, report


def test_several_pictures_and_the_same_twice(loaded: Loaded) -> None:
    """The pictures differ in size, so the processor pads the smaller ones."""
    picture = probe_picture(100, 150)
    media = [picture, probe_picture(160, 64), picture]
    report = probe_layout(*loaded, media, cell_pixels=CELL, random_cells=0)
    assert report.passed, report
    assert {result.block.media for result in report.results} == {0, 1, 2}


@pytest.mark.parametrize(
    "change", [column_major, exchanged_axes, centre_square, shifted(0.1, 0), shifted(0, -0.1)]
)
def test_the_probe_finds_what_is_wrong(loaded: Loaded, change: Change) -> None:
    wrong = Altered(adapter_for(loaded[0].config), change)
    media = [probe_picture(100, 150)]
    assert not probe_layout(*loaded, media, adapter=wrong, cell_pixels=CELL).passed


def test_the_probe_finds_exchanged_pictures(loaded: Loaded) -> None:
    wrong = Altered(adapter_for(loaded[0].config), reordered([1, 0]))
    media = [probe_picture(100, 150), probe_picture(100, 150)]
    assert not probe_layout(*loaded, media, adapter=wrong, cell_pixels=CELL).passed


@pytest.fixture
def half_cells(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """A processor that resizes to whole patches, the last of which may not make a whole token."""
    model, processor = load(tiny_lighton_ocr, tmp_path_factory.mktemp("lighton"))
    processor.image_processor.patch_size = {"height": PATCH, "width": PATCH}
    return model, processor


def test_patches_that_make_no_token(half_cells: Loaded) -> None:
    picture = probe_picture(7 * PATCH, 9 * PATCH)
    report = probe_layout(*half_cells, [picture], cell_pixels=CELL, random_cells=2)
    assert report.passed, report
    wrong = Altered(adapter_for(half_cells[0].config), whole_picture)
    assert not probe_layout(*half_cells, [picture], adapter=wrong, cell_pixels=CELL).passed
    image = half_cells[0].config.image_token_id
    size = [[7 * PATCH, 9 * PATCH]]
    found = layout_of(half_cells, [image] * 12, [picture], image_sizes=size)
    assert found.grids[0].shape == (1, 3, 4)
    assert found.grids[0].box == pytest.approx((0, 0, 8 * PATCH, 6 * PATCH))


def test_what_does_not_fit_is_refused(loaded: Loaded) -> None:
    with pytest.raises(ModelError, match="takes no clips"):
        layout_of(loaded, [1], [probe_clip(2, 60, 90)])
    with pytest.raises(ModelError, match="encoded 0 of 1"):
        layout_of(loaded, [1], [probe_picture(60, 90)])


def test_a_single_token(tmp_path: Path) -> None:
    picture = probe_picture(20, 13)
    report = probe_layout(*load(tiny_lighton_ocr, tmp_path / "a"), [picture], cell_pixels=CELL)
    assert report.passed, report
    with pytest.raises(ModelError, match="no larger than one token"):
        probe_layout(*load(BUILDERS["mistral3"], tmp_path / "b"), [picture], cell_pixels=CELL)
