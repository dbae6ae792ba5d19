from typing import Any

import pytest
from transformers import Granite4VisionConfig

from tam.errors import ModelError
from tam.families.registry import adapter_for
from tam.media import Media
from tam.testing import LayoutReport, probe_clip, probe_layout, probe_picture
from tests.loaded import Loaded, layout_of, load
from tests.tiny.anyres import CELL, tiny_granite4_vision

pytestmark = pytest.mark.model_type("granite4_vision")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(tiny_granite4_vision, tmp_path_factory.mktemp("granite4_vision"))


def probe(loaded: Loaded, media: list[Media], **options: Any) -> LayoutReport:
    cell = (2 * CELL, 2 * CELL)
    return probe_layout(*loaded, media, cell_pixels=cell, random_cells=2, **options)


def test_windows_of_patches_make_fewer_tokens(loaded: Loaded) -> None:
    """A tile of 8 × 8 patches has 4 × 4 tokens."""
    image = loaded[0].config.image_token_id
    found = layout_of(loaded, [image] * (16 + 8 * 9), [probe_picture(224, 224)])
    assert [grid.shape for grid in found.grids] == [(1, 4, 4), (1, 8, 8)]
    assert found.separators.size == 8


def test_a_rate_that_leaves_no_whole_pixels_to_a_token(loaded: Loaded) -> None:
    """With 3/8 a token of a tile of 112 pixels covers 37 pixels and a third."""
    config = loaded[0].config
    rate = config.downsample_rate
    config.downsample_rate = "3/8"
    try:
        ids = [config.image_token_id] * (9 + 6 * 7)
        found = layout_of(loaded, ids, [probe_picture(224, 224)])
    finally:
        config.downsample_rate = rate
    assert [grid.shape for grid in found.grids] == [(1, 3, 3), (1, 6, 6)]
    assert [grid.box for grid in found.grids] == [pytest.approx((0, 0, 224, 224))] * 2


def test_what_does_not_fit_is_refused(loaded: Loaded) -> None:
    image = loaded[0].config.image_token_id
    with pytest.raises(ModelError, match="has 87 image tokens where its pictures need 88"):
        layout_of(loaded, [image] * 87, [probe_picture(224, 224)])
    with pytest.raises(ModelError, match="takes no clips"):
        layout_of(loaded, [image] * 88, [probe_clip(2, 100, 150)])


def test_towers_that_are_refused_before_weights_are_loaded() -> None:
    config = Granite4VisionConfig(
        vision_feature_select_strategy="full", deepstack_layer_map=[[-1, 0]], downsample_rate="1/2"
    )
    with pytest.raises(ModelError, match="use 'default'"):
        adapter_for(config).check(config)
