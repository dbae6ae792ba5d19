from collections.abc import Iterator

import pytest
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil

from tam.errors import ModelError
from tam.families.registry import adapter_for
from tam.testing import LayoutReport, probe_clip, probe_layout, probe_picture
from tests.altered import (
    Altered,
    Change,
    centre_square,
    column_major,
    next_position,
    shifted,
    whole_picture,
)
from tests.loaded import Loaded, layout_of, load
from tests.tiny.square import IMAGE, PATCH, tiny_gemma3

CELL = (2 * PATCH, 2 * PATCH)
# Before, a saved processor could not turn pan and scan on.
pans = pytest.mark.transformers("5.23")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(tiny_gemma3, tmp_path_factory.mktemp("gemma3"))


@pytest.fixture
def panning(loaded: Loaded) -> Iterator[Loaded]:
    """The same processor, which shows elongated pictures again in crops."""
    processor = loaded[1]
    settings = {"do_pan_and_scan": True, "pan_and_scan_min_crop_size": 40}
    processor.images_kwargs = {**type(processor).images_kwargs, **settings}
    yield loaded
    del processor.images_kwargs


def probe(loaded: Loaded, *sizes: tuple[int, int], cells: int = 2) -> LayoutReport:
    media = [probe_picture(*size) for size in sizes]
    return probe_layout(*loaded, media, cell_pixels=CELL, resize_radius=1, random_cells=cells)


@pytest.mark.parametrize("size", [(100, 150), (301, 203), (64, 1000), (1000, 64), (20, 13)])
def test_every_token_sees_its_cell_and_no_other(loaded: Loaded, size: tuple[int, int]) -> None:
    report = probe(loaded, size)
    assert report.passed, report


def test_several_pictures_and_the_same_twice(loaded: Loaded) -> None:
    report = probe(loaded, (100, 150), (300, 64), (100, 150), cells=0)
    assert report.passed, report


@pytest.mark.parametrize(
    ("size", "crops"),
    [((100, 110), 0), ((100, 201), 2), ((61, 190), 3), ((1000, 90), 4), ((300, 163), 2)],
)
@pans
def test_pan_and_scan(panning: Loaded, size: tuple[int, int], crops: int) -> None:
    report = probe(panning, size)
    assert report.passed, report
    # A pixel is seen by the whole view and by its crop.
    assert max(len(result.changed) for result in report.results) >= 1 + (crops > 0)


@pans
def test_pan_and_scan_of_several_pictures(panning: Loaded) -> None:
    report = probe(panning, (100, 110), (60, 190), (100, 201), (60, 190), cells=0)
    assert report.passed, report


@pans
def test_pan_and_scan_of_pillow(panning: Loaded) -> None:
    model, processor = panning
    usual = processor.image_processor
    processor.image_processor = Gemma3ImageProcessorPil(size={"height": IMAGE, "width": IMAGE})
    try:
        report = probe((model, processor), (61, 190))
    finally:
        processor.image_processor = usual
    assert report.passed, report


@pytest.mark.parametrize("change", [column_major, centre_square, next_position, shifted(0.1, 0)])
def test_the_probe_finds_what_is_wrong(loaded: Loaded, change: Change) -> None:
    wrong = Altered(adapter_for(loaded[0].config), change)
    media = [probe_picture(200, 300)]
    assert not probe_layout(*loaded, media, adapter=wrong, cell_pixels=CELL).passed


@pans
@pytest.mark.parametrize("change", [whole_picture, shifted(0.3, 0)])
def test_the_probe_finds_wrong_crops(panning: Loaded, change: Change) -> None:
    wrong = Altered(adapter_for(panning[0].config), change)
    media = [probe_picture(100, 301)]
    assert not probe_layout(*panning, media, adapter=wrong, cell_pixels=CELL).passed


@pans
def test_crops_and_their_names(panning: Loaded) -> None:
    image = panning[0].config.image_token_id
    runs = [1, *[image] * 9]
    found = layout_of(panning, runs * 4, [probe_picture(61, 190)])
    assert [(grid.view, grid.box) for grid in found.grids] == [
        ("thumbnail", (0, 0, 190, 61)),
        ("tiles", (0, 0, 64, 61)),
        ("tiles", (64, 0, 128, 61)),
        # The last one is smaller.
        ("tiles", (128, 0, 190, 61)),
    ]


def test_clips_are_refused(loaded: Loaded) -> None:
    with pytest.raises(ModelError, match="Gemma 3 takes no clips"):
        layout_of(loaded, [1], [probe_clip(2, 60, 90)])
