import pytest

from tam.errors import ModelError
from tam.testing import probe_layout, probe_picture
from tests.loaded import Loaded, layout_of, load
from tests.tiny.step3p7 import tiny_step3p7

SIDE = 13
WINDOW = 9


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(tiny_step3p7, tmp_path_factory.mktemp("step3p7"))


def ids_of(loaded: Loaded, *views: int) -> list[int]:
    """Return a prompt of runs of image tokens, each after another token."""
    image = loaded[0].config.image_token_id
    return [token for tokens in views for token in (0, *[image] * tokens)]


def test_windows_are_stitched_and_centred_at_the_convolutions(loaded: Loaded) -> None:
    ids = ids_of(loaded, WINDOW**2, WINDOW**2, SIDE**2)
    found = layout_of(loaded, ids, [probe_picture(72, 144)])
    tiles, whole = found.grids
    assert (tiles.view, tiles.shape, whole.view) == ("tiles", (1, 9, 18), "thumbnail")
    # Two windows of nine cells of 8 pixels; the first patch's centre is 3 left of its cell's.
    assert tiles.box == (-3, -3, 141, 69)
    assert tiles.seams == ((69,), ())
    assert tiles.positions[9] == 1 + 81 + 1  # the second window's first token ends the first row
    x, y = 144 / 13 * 3 / 8, 72 / 13 * 3 / 8
    assert whole.box == pytest.approx((-x, -y, 144 - x, 72 - y))


def test_a_picture_that_fits_is_shown_once_and_a_thin_one_in_a_square(loaded: Loaded) -> None:
    picture, thin = probe_picture(60, 80), probe_picture(12, 60)
    first, second = layout_of(loaded, ids_of(loaded, SIDE**2, SIDE**2), [picture, thin]).grids
    assert first.view == second.view == "whole"
    left, top, right, bottom = second.box
    assert (right - left, bottom - top) == pytest.approx((60, 60))
    report = probe_layout(*loaded, [thin], random_cells=4)
    assert report.passed, report


@pytest.mark.parametrize("views", [(SIDE**2,), (WINDOW**2, SIDE**2), (80, 80, SIDE**2)])
def test_a_prompt_that_does_not_match_its_picture_is_refused(
    loaded: Loaded, views: tuple[int, ...]
) -> None:
    with pytest.raises(ModelError, match=r"does not show all its views|do not form a square"):
        layout_of(loaded, ids_of(loaded, *views), [probe_picture(72, 144)])
