from typing import Any

import pytest
from transformers import Phi4MultimodalConfig

from tam.errors import ModelError
from tam.families.adapter import Encoded, PlacedMedia
from tam.families.registry import adapter_for
from tam.media import Media
from tam.prompt.conversation import question
from tam.prompt.encoding import encode
from tam.testing import LayoutReport, probe_clip, probe_layout, probe_picture
from tests.loaded import Loaded, layout_of, load
from tests.tiny.phi4_multimodal import CELL, tiny_phi4_multimodal
from tests.wrong_views import (
    Rearrange,
    Rearranged,
    a_cell_further,
    columns_first,
    exchanged_media,
    of_each_grid,
    thumbnail_at_the_other_end,
    whole_pictures,
)

pytestmark = pytest.mark.model_type("phi4_multimodal")

SIZES = [(60, 60), (50, 100), (150, 100), (64, 400), (20, 13)]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(tiny_phi4_multimodal, tmp_path_factory.mktemp("phi4_multimodal"))


def probe(loaded: Loaded, media: list[Media], **options: Any) -> LayoutReport:
    return probe_layout(*loaded, media, cell_pixels=(CELL, CELL), random_cells=1, **options)


@pytest.mark.parametrize("size", SIZES)
def test_every_token_sees_its_cell_and_no_other(loaded: Loaded, size: tuple[int, int]) -> None:
    report = probe(loaded, [probe_picture(*size)])
    assert report.passed, report


@pytest.mark.parametrize("size", [(40, 60), (60, 20)])
def test_several_pictures_and_the_same_twice(loaded: Loaded, size: tuple[int, int]) -> None:
    report = probe(loaded, [probe_picture(40, 60), probe_picture(*size)])
    assert report.passed, report
    assert {result.block.media for result in report.results} == {0, 1}


@pytest.mark.parametrize(
    ("rearrange", "media"),
    [
        (of_each_grid(columns_first), [probe_picture(60, 40)]),
        (of_each_grid(a_cell_further), [probe_picture(60, 40)]),
        (whole_pictures, [probe_picture(60, 40)]),
        (thumbnail_at_the_other_end, [probe_picture(60, 40)]),
        (exchanged_media, [probe_picture(60, 40), probe_picture(60, 40)]),
    ],
)
def test_the_probe_finds_what_is_wrong(
    loaded: Loaded, rearrange: Rearrange, media: list[Media]
) -> None:
    wrong = Rearranged(adapter_for(loaded[0].config), rearrange)
    assert not probe(loaded, media, adapter=wrong).passed


def test_seams_are_where_the_tower_begins_anew(loaded: Loaded) -> None:
    model, processor = loaded
    picture, adapter = probe_picture(100, 150), adapter_for(model.config)
    prompt = encode(processor, question([picture], "x"), adapter)
    placed = [PlacedMedia(picture, 0)]
    layout = adapter.vision_layout(
        Encoded(prompt.ids, prompt.arrays, placed, model.config, processor)
    )
    # Two tiles beside each other, the second half empty.
    assert [grid.seams for grid in layout.grids] == [((100.0,), ()), ((), ())]


def test_rows_and_columns_of_padding_have_no_tokens(loaded: Loaded) -> None:
    """A picture of 60 × 40 fills 64 × 42 pixels of a tile: 16 × 11 of its 16 × 16 tokens."""
    image = loaded[0].config.vision_config.image_token_id
    ids = [image] * (16 * 12 + 1 + 16 * 17)
    found = layout_of(loaded, ids, [probe_picture(60, 40)], image_sizes=[[64, 64]])
    assert [grid.view for grid in found.grids] == ["tiles", "thumbnail"]
    assert [grid.shape for grid in found.grids] == [(1, 16, 11), (1, 16, 16)]
    assert found.grids[0].box == pytest.approx((0, 0, 44 * 40 / 42, 60))
    assert found.grids[1].box == pytest.approx((0, 0, 64 * 40 / 42, 60))
    assert found.separators.size == 16 + 1 + 16


def test_prompts_are_written_as_the_model_was_taught(loaded: Loaded) -> None:
    model, processor = loaded
    assert processor.chat_template is None
    talk = question([probe_picture(60, 40)], "What is it?")
    found = encode(processor, talk, adapter_for(model.config))
    tokens = processor.tokenizer.convert_ids_to_tokens(found.ids.tolist())
    assert tokens[:2] == ["<|user|>", "<|image|>"]
    assert tokens[-2:] == ["<|end|>", "<|assistant|>"]
    assert "".join(token.text for token in found.tokens) == "What is it?"


def test_what_does_not_fit_is_refused(loaded: Loaded) -> None:
    image = loaded[0].config.vision_config.image_token_id
    with pytest.raises(ModelError, match="has 464 image tokens where its pictures need 465"):
        layout_of(loaded, [image] * 464, [probe_picture(60, 40)], image_sizes=[[64, 64]])
    with pytest.raises(ModelError, match="encoded 0 of 1 pictures"):
        layout_of(loaded, [image] * 465, [probe_picture(60, 40)])
    with pytest.raises(ModelError, match="takes no clips"):
        layout_of(loaded, [image], [probe_clip(2, 50, 70)])
    with pytest.raises(ModelError, match="not accept a picture this long and thin"):
        probe(loaded, [probe_picture(3, 40)])


def test_tokens_that_do_not_fill_a_tile_are_refused_before_weights_are_loaded() -> None:
    config = Phi4MultimodalConfig(vision_config={"image_size": 434, "crop_size": 434})
    with pytest.raises(ModelError, match="434 pixels do not divide into tokens"):
        adapter_for(config).check(config)
    adapter_for(Phi4MultimodalConfig()).check(Phi4MultimodalConfig())
