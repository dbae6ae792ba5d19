"""Families that show each picture once: every vision token sees its own cell and no other."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import pytest

from tam.errors import ModelError, NumericsError
from tam.families.registry import adapter_for
from tam.media import Media
from tam.testing import probe_clip, probe_layout, probe_picture
from tests.altered import Altered, Change, column_major, later_frames, next_position, shifted
from tests.loaded import Loaded
from tests.tiny import BUILDERS, TAKING_CLIPS

# The video processors pass tensors to NumPy in a way that it has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

WITH_CLIPS = [
    "qwen2_5_omni",
    "qwen2_5_omni_thinker",
    "qwen3_omni_moe",
    "qwen3_omni_moe_thinker",
    "qwen4_exp",
    "cosmos3_omni",
    "cosmos3_edge",
    "hyperclovax_vision_v2",
    "cohere_compass",
    "lfm3_vl",
    "minimax_m3_vl",
    "gemma4_unified",
    "muse_glimmer",
]
PICTURES_ALONE = [
    "glmga",
    "dots3_note",
    "hunyuan_vl",
    "kimi_k25",
    "mistral3_on_mistral4",
    "mistral_large4",
    "ernie4_5_vl_moe",
    "video_llama_3",
    "glm5_next",
    "inkling_mm_model",
    "inkling2",
    "nemotron_h_omni",
]
EXACT = [*WITH_CLIPS, *PICTURES_ALONE]
CONVOLUTIONAL = ["got_ocr2", "pp_chart2table", "deepseek_vl_hybrid", "gemma3n", "step3p7"]

# (height, width): ordinary, large enough to be shrunk, extreme, odd.
SIZES = [(100, 150), (700, 500), (32, 1000), (1000, 32), (301, 203)]
PICTURES = [probe_picture(60, 90), probe_picture(40, 200), probe_picture(60, 90, seed=1)]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Loaded]:
    """Return a function that loads a tiny model and its processor with ``tam.load``."""

    @cache
    def read(name: str) -> Loaded:
        import tam

        folder: Path = BUILDERS[name](tmp_path_factory.mktemp(name))
        model = tam.load(folder)
        return model.module, model.processor

    return read


Open = Callable[[str], Loaded]


def passes(loaded: Loaded, media: Sequence[Media], cells: int = 1) -> bool:
    report = probe_layout(*loaded, media, random_cells=cells)
    assert report.passed, report
    return {result.block.media for result in report.results} == set(range(len(media)))


@pytest.mark.parametrize("name", [*EXACT, *CONVOLUTIONAL])
def test_several_pictures_and_the_same_size_twice(opened: Open, name: str) -> None:
    assert passes(opened(name), PICTURES, cells=0)


@pytest.mark.parametrize("name", [name for name in WITH_CLIPS if name in TAKING_CLIPS])
def test_a_clip_between_pictures(opened: Open, name: str) -> None:
    assert passes(opened(name), [PICTURES[0], probe_clip(3, 90, 60), PICTURES[2]], cells=0)


@pytest.mark.grid
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", [*EXACT, *CONVOLUTIONAL])
def test_every_size(opened: Open, name: str, size: tuple[int, int]) -> None:
    assert passes(opened(name), [probe_picture(*size)], cells=2)


@pytest.mark.grid
@pytest.mark.parametrize("frames", [2, 5])
@pytest.mark.parametrize("name", [*WITH_CLIPS, "glmga"])
def test_every_frame(opened: Open, name: str, frames: int) -> None:
    report = probe_layout(*opened(name), [probe_clip(frames, 60, 120)], random_cells=0)
    assert report.passed, report
    assert {result.block.frame for result in report.results} == set(range(frames))


def found(loaded: Loaded, change: Change, media: Sequence[Media]) -> bool:
    wrong = Altered(adapter_for(loaded[0].config), change)
    try:
        return not probe_layout(*loaded, media, adapter=wrong, random_cells=1).passed
    except NumericsError as refused:  # a cell on a separator's position, before anything is probed
        return "belongs to two cells" in str(refused)


@pytest.mark.parametrize("name", [*EXACT, *CONVOLUTIONAL])
def test_the_probe_finds_columns_taken_for_rows(opened: Open, name: str) -> None:
    assert found(opened(name), column_major, [probe_picture(100, 150)])


@pytest.mark.grid
@pytest.mark.parametrize("change", [shifted(0.1, 0), shifted(0, -0.1), next_position])
@pytest.mark.parametrize("name", EXACT)
def test_the_probe_finds_what_is_wrong(opened: Open, name: str, change: Change) -> None:
    assert found(opened(name), change, [probe_picture(300, 200)])


@pytest.mark.grid
@pytest.mark.parametrize("name", [*WITH_CLIPS, "glmga"])
def test_the_probe_finds_frames_out_of_time(opened: Open, name: str) -> None:
    assert found(opened(name), later_frames, [probe_clip(5, 60, 90)])


# Step 3.7 shows several views of a picture, which have blocks enough without further ones.
@pytest.mark.parametrize(
    ("name", "cells"), [("got_ocr2", 6), ("pp_chart2table", 6), ("step3p7", 0)]
)
def test_cells_lie_where_their_convolutions_look(opened: Open, name: str, cells: int) -> None:
    """A grid over the picture itself would be a third of a cell off."""
    report = probe_layout(*opened(name), [probe_picture(160, 240)], random_cells=cells)
    offsets = [result.response.offset for result in report.results if result.response]
    assert len(offsets) > 8
    for axis in (0, 1):
        assert abs(sum(offset[axis] for offset in offsets)) / len(offsets) < 0.1


@pytest.mark.parametrize(
    "name",
    """hunyuan_vl mistral_large4 kimi_k25 dots3_note got_ocr2 ernie4_5_vl_moe video_llama_3
    glm5_next nemotron_h_omni step3p7""".split(),
)
def test_clips_are_refused(opened: Open, name: str) -> None:
    with pytest.raises(ModelError, match=r"takes no clips|cannot read clips"):
        probe_layout(*opened(name), [probe_clip(2, 60, 90)])


@pytest.mark.model_type("qwen2_5_omni")
def test_a_clip_of_an_omni_model_is_shown_at_its_own_rate(opened: Open) -> None:
    from tam.prompt.conversation import question
    from tam.prompt.encoding import encode

    model, processor = opened("qwen2_5_omni")
    clip = probe_clip(4, 60, 90)
    seconds = encode(processor, question([clip], "x"), adapter_for(model.config)).inputs[
        "video_second_per_grid"
    ]
    # Frames every half second, two in a temporal cell.
    assert clip.times.tolist() == [0, 0.5, 1.0, 1.5]
    assert seconds.tolist() == [1.0]


@pytest.mark.model_type("qwen2_5_omni")
def test_of_a_model_that_speaks_only_the_thinker_is_loaded(opened: Open) -> None:
    for name in ("qwen2_5_omni", "qwen3_omni_moe"):
        model, _ = opened(name)
        assert "Thinker" in type(model).__name__
        assert not [part for part, _ in model.named_modules() if "talker" in part]
