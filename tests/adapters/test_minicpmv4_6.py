from typing import Any

import pytest

from tam.errors import ModelError
from tam.media import Media
from tam.testing import LayoutReport, probe_clip, probe_layout, probe_picture
from tests.loaded import Loaded, layout_of, load
from tests.tiny.minicpmv4_6 import CELL, tiny_minicpmv4_6

# The video processor of transformers passes a tensor to NumPy in a way that it has deprecated.
pytestmark = [
    pytest.mark.model_type("minicpmv4_6"),
    pytest.mark.filterwarnings("ignore:__array_wrap__ must accept:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(tiny_minicpmv4_6, tmp_path_factory.mktemp("minicpmv4_6"))


def probe(loaded: Loaded, media: list[Media], **options: Any) -> LayoutReport:
    return probe_layout(*loaded, media, cell_pixels=(CELL, CELL), random_cells=2, **options)


def test_pictures_of_which_each_token_covers_a_quarter(loaded: Loaded) -> None:
    """The finer of the two settings merges patches only once."""
    model, processor = loaded
    usual = processor.image_processor
    processor.image_processor = type(usual)(**{**usual.to_dict(), "downsample_mode": "4x"})
    model.config.downsample_mode = "4x"
    try:
        report = probe_layout(
            model, processor, [probe_picture(100, 150)], cell_pixels=(CELL // 2, CELL // 2)
        )
    finally:
        processor.image_processor, model.config.downsample_mode = usual, "16x"
    assert report.passed, report


def ids_of(loaded: Loaded, rows: list[int]) -> list[int]:
    """A thumbnail of 2 × 2 tokens, then rows with the given numbers of slices of 2 × 2 tokens."""
    start, end, first, last = loaded[1].tokenizer.convert_tokens_to_ids(
        ["<image>", "</image>", "<slice>", "</slice>"]
    )
    view = [loaded[0].config.image_token_id] * 4
    lines = [[first, *view, last] * count for count in rows]
    slices = [token for line in lines for token in (*line, 1)]
    return [start, *view, end, *slices]


def test_rows_of_slices_end_in_a_line_break(loaded: Loaded) -> None:
    sizes = [[8, 8]] * 7
    found = layout_of(loaded, ids_of(loaded, [3, 3]), [probe_picture(50, 70)], target_sizes=sizes)
    assert [grid.view for grid in found.grids] == ["thumbnail", "tiles"]
    assert found.grids[1].shape == (1, 4, 6)
    assert found.grids[1].box == (0, 0, 70, 50)


def test_what_does_not_fit_is_refused(loaded: Loaded) -> None:
    picture, sizes = probe_picture(50, 70), [[8, 8]] * 4
    with pytest.raises(ModelError, match="its 3 slices do not fill 2 rows"):
        layout_of(loaded, ids_of(loaded, [2, 1]), [picture], target_sizes=sizes)
    with pytest.raises(ModelError, match="has 3 views, the processor encoded 4"):
        layout_of(loaded, ids_of(loaded, [2]), [picture], target_sizes=sizes)
    with pytest.raises(ModelError, match="8 × 12 patches became 4 tokens"):
        layout_of(loaded, ids_of(loaded, []), [picture], target_sizes=[[8, 12]])
    with pytest.raises(ModelError, match="shows 1 pictures of 2"):
        layout_of(loaded, ids_of(loaded, []), [picture, picture], target_sizes=[[8, 8]])
    video = loaded[0].config.video_token_id
    start = loaded[1].tokenizer.convert_tokens_to_ids("<image>")
    ids = [start, *[video] * 4]
    with pytest.raises(ModelError, match=r"shows 1 of 2 frames.*do_sample_frames"):
        layout_of(loaded, ids, [probe_clip(2, 50, 70)], target_sizes_videos=[[8, 8]])
