import itertools
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tam.errors import InputError, SetupError
from tam.explanation.explanation import Explanation
from tam.render import overlays
from tam.render.gif import write_gif
from tam.render.movie import draw_movie, moments, write_mp4
from tam.render.resize import resized
from tests.hand_made import clip, explanation, grid, picture, several

Drawn = list[tuple[NDArray[np.uint8], float]]


def walk() -> Explanation:
    """Four frames, half a second apart, two of them in each temporal cell."""
    box = (0.0, 0.0, 56.0, 40.0)
    return explanation([clip()], [grid(0, (2, 4, 5), box, spans=[(0, 2), (2, 4)])])


def test_over_stills_each_word_stands_for_its_time() -> None:
    result = explanation()
    planned = moments(result.words[:3], 0.7)
    assert [moment.word for moment in planned] == list(result.words[:3])
    assert [moment.frames for moment in planned] == [{0: 0}] * 3
    assert [moment.seconds for moment in planned] == [0.7] * 3


def test_a_clip_plays_once_with_the_maps_of_all_words_and_marks_those_seen() -> None:
    result = walk()
    result.maps[:] = 0.05
    first, second = result.words[0].targets[0], result.words[1].targets[0]
    result.maps[first, 7] = 0.9  # in the first temporal cell, frames 0 and 1
    result.maps[second, 33] = 0.7  # in the second
    planned = moments(result.words[:2], 0.7)
    assert [moment.frames[0] for moment in planned] == [0, 1, 2, 3]
    assert [moment.seconds for moment in planned] == [0.5] * 4
    assert {moment.word.targets for moment in planned} == {(first, second)}
    marked = [moment.marked.targets for moment in planned if moment.marked]
    assert marked == [(first,), (first,), (second,), (second,)]


def test_a_frame_without_evidence_marks_no_word() -> None:
    result = walk()
    result.maps[:] = 0
    assert [moment.marked for moment in moments(result.words[:2], 0.7)] == [None] * 4


def test_stills_stand_beside_a_clip_that_plays() -> None:
    planned = moments(several().words[:1], 9)
    assert [moment.frames for moment in planned] == [{0: 0, 1: 0, 2: frame} for frame in range(4)]


def test_a_clip_whose_times_do_not_grow_is_evenly_spaced() -> None:
    result = walk()
    result.media[0].times[:] = 0
    seconds = [moment.seconds for moment in moments(result.words[:1], 0.7)]
    assert seconds == pytest.approx([seconds[0]] * 4)
    assert seconds[0] > 0


def test_a_page_holds_the_map_over_the_picture() -> None:
    result = explanation()
    (page, seconds), *others = draw_movie(result, [3, 1], seconds=0.2, largest=400)
    small = resized(result, largest=400, smallest=320)
    drawn = overlays(small.words[3], {0: 0})
    np.testing.assert_array_equal(page[: len(drawn), : drawn.shape[1]], drawn)
    assert seconds == 0.2
    assert len(others) == 1


def test_all_pages_have_one_size_with_even_sides() -> None:
    odd = explanation([picture(333, 411)], reply=[f" word{i}" for i in range(60)])
    pages = [page for page, _ in draw_movie(odd, [0, 30, 59], seconds=0.1, largest=411)]
    assert {page.shape for page in pages} == {pages[0].shape}
    assert all(side % 2 == 0 for side in pages[0].shape[:2])


def test_together_words_share_one_map_and_are_marked_at_once() -> None:
    result = explanation()
    (page, _), *others = draw_movie(result, [1, 5], together=True, largest=400)
    assert not others
    both = resized(result, largest=400, smallest=320)
    heat = np.maximum(both.words[1].cells(), both.words[5].cells())
    assert heat.max() > 0
    marks = (page == (255, 214, 122)).all(axis=2).any(axis=0)
    runs = [lit for lit, _ in itertools.groupby(marks.tolist()) if lit]
    assert len(runs) == 2


@pytest.fixture(scope="module")
def movie() -> Drawn:
    return list(draw_movie(walk(), [0, 4], largest=320))


def test_the_mp4_is_what_browsers_play(movie: Drawn, tmp_path: Path) -> None:
    path = tmp_path / "movie.mp4"
    write_mp4(iter(movie), path)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        # BT.709 in limited range: without these tags players guess, and colors shift.
        assert (context.colorspace, context.color_range) == (1, 1)
        assert float(stream.duration * stream.time_base) == pytest.approx(2.0)
        frames = [
            (frame.time, frame.to_ndarray(format="rgb24")) for frame in container.decode(stream)
        ]
    assert [time for time, _ in frames] == pytest.approx([0, 0.48, 1, 1.52, 1.96])
    for (_, frame), (page, _) in zip(frames, [*movie, movie[-1]], strict=True):
        assert frame.shape == page.shape
        assert np.abs(frame.astype(int) - page).mean() < 6
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat"), "it must play before it is whole"


def test_the_gif_repeats_and_keeps_its_time(movie: Drawn, tmp_path: Path) -> None:
    path = tmp_path / "movie.gif"
    write_gif(iter(movie), path)
    with Image.open(path) as picture:
        assert picture.info["loop"] == 0
        seconds = []
        for index, (page, _) in enumerate(movie):
            picture.seek(index)
            seconds.append(picture.info["duration"] / 1000)
            drawn = np.asarray(picture.convert("RGB")).astype(int)
            assert np.abs(drawn - page).mean() < 12
        assert picture.n_frames == len(movie)
    assert seconds == [0.5] * 4


def test_odd_times_do_not_add_up_to_a_drift(tmp_path: Path) -> None:
    page = np.zeros((16, 16, 3), np.uint8)
    drawn = [(page + np.uint8(index), 0.033) for index in range(30)]
    write_mp4(iter(drawn), tmp_path / "a.mp4")
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        assert float(stream.duration * stream.time_base) == pytest.approx(1.0)
    write_gif(iter(drawn), tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as picture:
        total = 0
        for index in range(30):
            picture.seek(index)
            total += picture.info["duration"]
    assert total == pytest.approx(990, abs=10)


def test_a_build_without_the_encoder_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(av, "codecs_available", {"mpeg4"})
    with pytest.raises(SetupError, match="pip install av"):
        write_mp4(iter([]), tmp_path / "a.mp4")


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), 1e9])
def test_a_time_that_is_none_is_refused(seconds: float) -> None:
    drawn: Iterator[object] = draw_movie(explanation(), seconds=seconds)
    with pytest.raises(InputError, match="a time above 0"):
        next(drawn)
