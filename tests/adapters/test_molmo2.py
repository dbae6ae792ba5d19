from pathlib import Path
from typing import Any

import pytest

from tam.errors import ModelError
from tam.families.registry import adapter_for
from tam.media import Media
from tam.prompt.conversation import question
from tam.prompt.encoding import encode
from tam.testing import LayoutReport, probe_clip, probe_layout, probe_picture
from tests.loaded import Loaded, layout_of, load
from tests.tiny.molmo2 import CELL, tiny_molmo2

pytestmark = pytest.mark.model_type("molmo2")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(tiny_molmo2, tmp_path_factory.mktemp("molmo2"))


def probe(loaded: Loaded, media: list[Media], cell: int = CELL, **options: Any) -> LayoutReport:
    return probe_layout(*loaded, media, cell_pixels=(cell, cell), random_cells=2, **options)


def test_crops_of_which_the_pooling_windows_are_full(tmp_path: Path) -> None:
    def six_patches(folder: Path) -> Path:
        return tiny_molmo2(folder, patches=6)

    report = probe(load(six_patches, tmp_path), [probe_picture(100, 150), probe_picture(64, 300)])
    assert report.passed, report


def test_cells_reach_beyond_the_picture_where_patches_do_not_fill_them(loaded: Loaded) -> None:
    """Seven patches make four cells of two patches; half of the last cell is empty."""
    image = loaded[0].config.image_token_id
    ids = [image] * (16 + 16)
    found = layout_of(loaded, ids, [probe_picture(70, 70)], image_grids=[[4, 4, 4, 4]])
    assert [grid.view for grid in found.grids] == ["thumbnail", "tiles"]
    assert found.grids[0].box == pytest.approx((0, 0, 80, 80))
    # Video pools three by three: one of the two missing patches is above, and one to the left.
    clip = probe_clip(2, 70, 70)
    found = layout_of(loaded, [image] * 18, [clip], video_grids=[[2, 3, 3]])
    assert found.grids[0].box == pytest.approx((-10, -10, 80, 80))


def test_seams_are_where_one_crop_ends(loaded: Loaded) -> None:
    image = loaded[0].config.image_token_id
    ids = [image] * (16 + 49)
    found = layout_of(loaded, ids, [probe_picture(100, 150)], image_grids=[[4, 4, 7, 7]])
    # Two by two crops of seven patches, one of which overlaps: thirteen, cut after the seventh.
    assert found.grids[1].seams == (pytest.approx((150 * 7 / 13,)), pytest.approx((100 * 7 / 13,)))


def test_words_are_found_where_the_processor_adds_the_first_token(loaded: Loaded) -> None:
    model, processor = loaded
    adapter, talk = adapter_for(model.config), question([probe_picture(70, 70)], "What is it?")
    usual = encode(processor, talk, adapter)
    template = processor.chat_template
    processor.chat_template = template.removeprefix("<s>")
    try:
        found = encode(processor, talk, adapter)
    finally:
        processor.chat_template = template
    assert found.ids.tolist() == usual.ids.tolist()
    assert found.tokens == usual.tokens
    assert "".join(token.text for token in found.tokens) == "What is it?"


def test_what_does_not_fit_is_refused(loaded: Loaded) -> None:
    image = loaded[0].config.image_token_id
    picture, clip = probe_picture(70, 70), probe_clip(2, 70, 70)
    with pytest.raises(ModelError, match="it has only 31 of 32 tokens"):
        layout_of(loaded, [image] * 31, [picture], image_grids=[[4, 4, 4, 4]])
    with pytest.raises(ModelError, match="1 image tokens too many"):
        layout_of(loaded, [image] * 33, [picture], image_grids=[[4, 4, 4, 4]])
    with pytest.raises(ModelError, match="did not encode it"):
        layout_of(loaded, [image] * 32, [picture, picture], image_grids=[[4, 4, 4, 4]])
    with pytest.raises(ModelError, match="9 video tokens do not make 2 frames of 3 × 3 tokens"):
        layout_of(loaded, [image] * 9, [clip], video_grids=[[1, 3, 3]])
    for media in ([clip, clip], [picture, clip]):
        with pytest.raises(ModelError, match="either one clip or pictures"):
            probe(loaded, media)
