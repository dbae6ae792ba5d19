from typing import Any

import pytest

from tam.errors import ModelError
from tam.media import Media
from tam.testing import LayoutReport, probe_clip, probe_layout, probe_picture
from tests.loaded import Loaded, layout_of, load
from tests.tiny.tiled import CELL, tiny_aya_vision, tiny_cohere2_vision


@pytest.fixture(scope="module", params=[tiny_aya_vision, tiny_cohere2_vision])
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(request.param, tmp_path_factory.mktemp("aya_vision"))


def probe(loaded: Loaded, media: list[Media], **options: Any) -> LayoutReport:
    return probe_layout(*loaded, media, cell_pixels=(CELL, CELL), random_cells=2, **options)


def test_the_two_families_cut_the_same_picture_differently(loaded: Loaded) -> None:
    rows = {"aya_vision": 3, "cohere2_vision": 1}[loaded[0].config.model_type]
    report = probe(loaded, [probe_picture(20, 13)])
    assert report.passed, report
    views = {1: 1, 3: 7}[rows]
    found = layout_of(loaded, ids_of(loaded, views), [probe_picture(20, 13)])
    assert found.grids[0].shape[1] == 2 * rows


def ids_of(loaded: Loaded, views: int) -> list[int]:
    start = loaded[1].tokenizer.convert_tokens_to_ids("<|START_OF_IMG|>")
    return [start, *[*[loaded[0].config.image_token_id] * 4, 1] * views]


def test_what_does_not_fit_is_refused(loaded: Loaded) -> None:
    picture = probe_picture(100, 150)
    with pytest.raises(ModelError, match=r"shows 5 views .* 2 × 3 tiles plus a thumbnail"):
        layout_of(loaded, ids_of(loaded, 5), [picture])
    with pytest.raises(ModelError, match="shows 1 pictures of 2"):
        layout_of(loaded, ids_of(loaded, 7), [picture, picture])
    with pytest.raises(ModelError, match="come before any picture's start"):
        layout_of(loaded, ids_of(loaded, 7)[1:], [picture])
    with pytest.raises(ModelError, match="takes no clips"):
        layout_of(loaded, ids_of(loaded, 7), [probe_clip(2, 50, 70)])
