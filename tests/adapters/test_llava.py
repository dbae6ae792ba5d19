from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from transformers import AutoModelForImageTextToText, AutoProcessor, LlavaConfig
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil

from tam.errors import ModelError
from tam.families.adapter import Encoded, PlacedMedia
from tam.families.registry import adapter_for
from tam.media import Media
from tam.testing import probe_clip, probe_layout, probe_picture
from tam_adapters.framing import framing
from tests.altered import (
    Altered,
    Change,
    centre_square,
    column_major,
    next_position,
    reordered,
    shifted,
    whole_picture,
)
from tests.tiny_models import CLIP_IMAGE, tiny_llava, tiny_siglip_llava

# (height, width): ordinary, odd, extreme, enlarged, square.
SIZES = [(100, 150), (301, 203), (64, 1000), (1000, 64), (20, 13), (112, 112)]

MAKERS: dict[str, Callable[[Path], Path]] = {
    "crop": tiny_llava,
    "pad": lambda folder: tiny_llava(folder, pad=True),
    "class token": lambda folder: tiny_llava(folder, full=True),
    "squash": tiny_siglip_llava,
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, Any]]:
    loaded = {}
    for name, make in MAKERS.items():
        folder = make(tmp_path_factory.mktemp("llava"))
        model = AutoModelForImageTextToText.from_pretrained(folder).eval()
        loaded[name] = model, AutoProcessor.from_pretrained(folder)
    return loaded


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("size", SIZES)
def test_every_token_sees_its_cell_and_no_other(
    models: dict[str, tuple[Any, Any]], kind: str, size: tuple[int, int]
) -> None:
    report = probe_layout(*models[kind], [probe_picture(*size)], random_cells=2)
    assert report.passed, report


@pytest.mark.parametrize("kind", ["crop", "pad"])
@pytest.mark.parametrize("height", [1, 3, 4])
def test_a_height_that_could_be_a_number_of_channels(
    models: dict[str, tuple[Any, Any]], kind: str, height: int
) -> None:
    report = probe_layout(*models[kind], [probe_picture(height, 40)], random_cells=2)
    assert report.passed, report


@pytest.mark.parametrize("kind", MAKERS)
def test_several_pictures_and_the_same_twice(models: dict[str, tuple[Any, Any]], kind: str) -> None:
    """The chat template puts pictures next to each other, so their runs merge."""
    picture = probe_picture(100, 150)
    media = [picture, probe_picture(300, 64), picture]
    report = probe_layout(*models[kind], media, random_cells=0)
    assert report.passed, report
    assert {result.block.media for result in report.results} == {0, 1, 2}


@pytest.mark.parametrize("backend", ["torchvision", "pil"])
@pytest.mark.parametrize("kind", ["crop", "pad"])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"size": {"shortest_edge": 101}},
        {"size": {"shortest_edge": 140}},
        {"do_resize": False},
        {"size": {"height": 112, "width": 112}, "do_center_crop": False},
    ],
    ids=["usual", "crop wider than the picture", "margin", "no resize", "no crop"],
)
def test_settings_of_the_image_processor(
    models: dict[str, tuple[Any, Any]], backend: str, kind: str, settings: dict[str, Any]
) -> None:
    model, processor = models[kind]
    classes: dict[str, Any] = {"crop": CLIPImageProcessorPil, "pad": LlavaImageProcessorPil}
    usual = processor.image_processor
    make = classes[kind] if backend == "pil" else type(usual)
    options = {**usual.to_dict(), **settings}
    processor.image_processor = make(**options)
    try:
        report = probe_layout(model, processor, [probe_picture(150, 131)], random_cells=2)
    finally:
        processor.image_processor = usual
    assert report.passed, report


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("crop", column_major),
        ("crop", whole_picture),
        ("crop", shifted(0.1, 0)),
        ("crop", shifted(0, 0.1)),
        ("pad", whole_picture),
        ("pad", centre_square),
        ("pad", shifted(-0.1, 0)),
        ("squash", centre_square),
        # The tower takes six patches of 14 out of 90 pixels, so the cells end before the picture.
        ("squash", whole_picture),
        ("class token", next_position),
    ],
)
def test_the_probe_finds_what_is_wrong(
    models: dict[str, tuple[Any, Any]], kind: str, change: Change
) -> None:
    model, processor = models[kind]
    wrong = Altered(adapter_for(model.config), change)
    assert not probe_layout(model, processor, [probe_picture(200, 300)], adapter=wrong).passed


def test_the_probe_finds_exchanged_pictures(models: dict[str, tuple[Any, Any]]) -> None:
    model, processor = models["crop"]
    wrong = Altered(adapter_for(model.config), reordered([1, 0]))
    media = [probe_picture(100, 150), probe_picture(100, 150)]
    assert not probe_layout(model, processor, media, adapter=wrong).passed


def grids(loaded: tuple[Any, Any], media: list[Media], tokens: int) -> Any:
    model, processor = loaded
    image = model.config.image_token_id
    ids = np.array([1, *[image] * tokens, 2], np.int64)
    placed = [PlacedMedia(item, turn=0) for item in media]
    adapter = adapter_for(model.config)
    adapter.check_media(media)
    return adapter.vision_layout(Encoded(ids, {}, placed, model.config, processor))


@pytest.mark.parametrize(
    ("kind", "size", "box"),
    [
        # 112 of 168 rows of the resized picture are kept: two thirds of 300, from 50 on.
        ("crop", (300, 200), (0, 50, 200, 250)),
        ("pad", (300, 200), (-50, 0, 250, 300)),
        ("pad", (200, 301), (0, -50, 301, 251)),
        ("squash", (300, 200), (0, 0, 200 * 84 / 90, 300 * 84 / 90)),
    ],
)
def test_boxes(
    models: dict[str, tuple[Any, Any]],
    kind: str,
    size: tuple[int, int],
    box: tuple[float, float, float, float],
) -> None:
    side = 6 if kind == "squash" else 8
    found = grids(models[kind], [probe_picture(*size)], side * side)
    assert found.grids[0].shape == (1, side, side)
    assert found.grids[0].box == pytest.approx(box)
    assert found.separators.size == 0


def test_the_class_token_of_each_picture_is_a_separator(
    models: dict[str, tuple[Any, Any]],
) -> None:
    picture = probe_picture(100, 150)
    found = grids(models["class token"], [picture, picture], 2 * 65)
    assert found.separators.tolist() == [1, 66]
    assert [grid.positions[[0, -1]].tolist() for grid in found.grids] == [[2, 65], [67, 130]]


def test_what_does_not_fit_is_refused(models: dict[str, tuple[Any, Any]]) -> None:
    with pytest.raises(ModelError, match="has 63 image tokens where its pictures need 64"):
        grids(models["crop"], [probe_picture(100, 150)], 63)
    with pytest.raises(ModelError, match="takes no clips"):
        grids(models["crop"], [probe_clip(2, 100, 150)], 64)
    model = models["crop"][0]
    other = SimpleNamespace(image_processor=models["squash"][1].image_processor)
    with pytest.raises(ModelError, match=r"90 × 90 pixels, but the tower takes 112 × 112"):
        grids((model, other), [probe_picture(100, 150)], 64)


def test_unknown_rules_of_an_image_processor_are_refused() -> None:
    usual = {"do_resize": True, "size": {"shortest_edge": CLIP_IMAGE}}
    with pytest.raises(ModelError, match="resizes pictures by an unknown rule"):
        framing(SimpleNamespace(**{**usual, "size": {"longest_edge": 112}}), 10, 10)
    with pytest.raises(ModelError, match="pads pictures by an unknown rule"):
        framing(SimpleNamespace(**usual, do_pad=True), 10, 10)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"vision_config": {"model_type": "vit"}}, "'vit' is not supported yet.*CLIP"),
        (
            {"vision_config": {"model_type": "siglip_vision_model"}},
            "'default' drops .* use 'full'",
        ),
        ({"architectures": ["LlavaLlamaForCausalLM"]}, "LlavaLlamaForCausalLM.*llava-hf"),
    ],
)
def test_towers_that_are_refused_before_weights_are_loaded(
    settings: dict[str, Any], message: str
) -> None:
    config = LlavaConfig(**settings)
    with pytest.raises(ModelError, match=message):
        adapter_for(config).check(config)


def test_usual_towers_are_accepted() -> None:
    for settings in (
        {},
        {
            "vision_config": {"model_type": "siglip_vision_model"},
            "vision_feature_select_strategy": "full",
        },
    ):
        config = LlavaConfig(**settings)
        adapter_for(config).check(config)
