import pytest

from tam.errors import ModelError
from tam.families.registry import adapter_for
from tam.media import Media
from tam.testing import probe_clip, probe_layout, probe_picture
from tests.altered import Altered, Change, column_major, later_frames, reordered, shifted
from tests.loaded import Loaded, load
from tests.tiny import grid_thw

# transformers' own processor passes a tensor to NumPy in a way that it has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SIZES = [(100, 150), (700, 500), (28, 1000), (1000, 28), (20, 13)]


@pytest.fixture(scope="module", params=["glm4v", "glm4v_moe", "glm46v", "glm_ocr"])
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(grid_thw.BUILDERS[request.param], tmp_path_factory.mktemp("glm"))


@pytest.fixture(scope="module")
def glm4v(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(grid_thw.tiny_glm4v, tmp_path_factory.mktemp("glm"))


@pytest.mark.parametrize("size", SIZES)
def test_every_token_sees_its_cell_and_no_other(loaded: Loaded, size: tuple[int, int]) -> None:
    report = probe_layout(*loaded, [probe_picture(*size)], random_cells=2)
    assert report.passed, report


def test_several_pictures_and_the_same_twice(loaded: Loaded) -> None:
    picture = probe_picture(60, 90)
    report = probe_layout(*loaded, [picture, probe_picture(40, 200), picture], random_cells=0)
    assert report.passed, report
    assert {result.block.media for result in report.results} == {0, 1, 2}


@pytest.mark.parametrize("frames", [[2], [5], [3, 4]])
def test_clips(loaded: Loaded, frames: list[int]) -> None:
    clips = [probe_clip(count, 60, 120) for count in frames]
    report = probe_layout(*loaded, clips, random_cells=0)
    assert report.passed, report
    changed = {(result.block.media, result.block.frame) for result in report.results}
    assert changed == {(i, frame) for i, count in enumerate(frames) for frame in range(count)}


def test_pictures_and_clips_together_are_refused(glm4v: Loaded) -> None:
    with pytest.raises(ModelError, match="pictures or clips in one conversation, not both"):
        probe_layout(*glm4v, [probe_picture(60, 90), probe_clip(2, 60, 90)])


@pytest.mark.parametrize(
    ("change", "media"),
    [
        (column_major, [probe_picture(100, 150)]),
        (shifted(0, -0.1), [probe_picture(300, 200)]),
        (later_frames, [probe_clip(5, 60, 90)]),
        (reordered([1, 0]), [probe_clip(2, 60, 90), probe_clip(2, 60, 90)]),
    ],
    ids=["columns", "up", "frames", "clips"],
)
def test_the_probe_finds_what_is_wrong(glm4v: Loaded, change: Change, media: list[Media]) -> None:
    model, processor = glm4v
    wrong = Altered(adapter_for(model.config), change)
    assert not probe_layout(model, processor, media, adapter=wrong).passed


def test_a_clip_of_one_frame_is_refused(glm4v: Loaded) -> None:
    with pytest.raises(ModelError, match="no clip of fewer than 2 frames"):
        probe_layout(*glm4v, [probe_clip(1, 60, 90)])
