import pytest
from transformers.models.deepseek_vl.image_processing_pil_deepseek_vl import (
    DeepseekVLImageProcessorPil,
)

from tam.families.registry import adapter_for
from tam.testing import probe_layout, probe_picture
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
from tests.tiny.square import BUILDERS, IMAGE, SIDE

# Even and odd margins at the top and at the side; a side below the processor's minimum.
SIZES = [(100, 150), (301, 203), (300, 202), (90, 1000), (1000, 90), (10, 1000), (20, 13)]


@pytest.fixture(scope="module", params=["deepseek_vl", "janus"])
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(BUILDERS[request.param], tmp_path_factory.mktemp("deepseek"))


@pytest.mark.parametrize("size", SIZES)
def test_every_token_sees_its_cell_and_no_other(loaded: Loaded, size: tuple[int, int]) -> None:
    report = probe_layout(*loaded, [probe_picture(*size)], random_cells=2)
    assert report.passed, report


def test_several_pictures_and_the_same_twice(loaded: Loaded) -> None:
    picture = probe_picture(100, 150)
    report = probe_layout(*loaded, [picture, probe_picture(300, 64), picture], random_cells=0)
    assert report.passed, report


def test_the_image_processor_of_pillow(loaded: Loaded) -> None:
    model, processor = loaded
    usual = processor.image_processor
    processor.image_processor = DeepseekVLImageProcessorPil(size={"height": IMAGE, "width": IMAGE})
    try:
        report = probe_layout(model, processor, [probe_picture(150, 131)], random_cells=2)
    finally:
        processor.image_processor = usual
    assert report.passed, report


@pytest.mark.parametrize(
    "change",
    [column_major, whole_picture, centre_square, next_position, shifted(0.1, 0), shifted(0, -0.1)],
)
def test_the_probe_finds_what_is_wrong(loaded: Loaded, change: Change) -> None:
    wrong = Altered(adapter_for(loaded[0].config), change)
    assert not probe_layout(*loaded, [probe_picture(200, 300)], adapter=wrong).passed


def test_the_margins_lie_outside_the_picture(loaded: Loaded) -> None:
    image = loaded[0].config.image_token_id
    found = layout_of(loaded, [image] * SIDE**2, [probe_picture(210, 420)])
    assert found.grids[0].box == (0, -105, 420, 315)
