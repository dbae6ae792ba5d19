"""Clips that are not what they seem: every decoder gives the right frames, upright, at their times.

Where decord or OpenCV cannot, PyAV's frames are taken and a note says so.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tam.errors import MediaError
from tam.media import Sampling, foreign, open_video
from tam.media.foreign import PACKAGES
from tam.media.video import BACKENDS
from tests.media.numbered import (
    B_FRAMES,
    H264,
    Kind,
    numbers_of,
    painted,
    patched,
    turned,
    write,
    write_tracks,
)

COUNT = 40
EVERY = Sampling(fps=1000, max_frames=500)
B_MP4, B_AVI, B_TS = (
    Kind("libx264", suffix, options=B_FRAMES) for suffix in (".mp4", ".avi", ".ts")
)
MPEG = Kind("mpeg2video", ".mpg", options={"bf": "2", "g": "12"})
FALLBACK = "the frames are PyAV's"


def joined(path: Path, kind: Kind, *, later: float = 0.0) -> Path:
    """Two recordings one behind the other, whose time stamps start again or jump."""
    half = COUNT // 2
    for number, start in enumerate((0.0, later)):
        times = [start + index / 25 for index in range(half)] if later else None
        part = path.with_name(f"{number}{kind.suffix}")
        write(part, range(number * half, (number + 1) * half), kind, times=times)
        path.write_bytes((path.read_bytes() if number else b"") + part.read_bytes())
    return path


def interlaced(path: Path) -> Path:
    options = {"x264-params": "tff=1", "preset": "veryfast"}
    return write(path, range(COUNT), replace(H264, options=options))


def ten_bits(path: Path) -> Path:
    return write(path, range(COUNT), replace(H264, format="yuv420p10le"))


def counted_wrong(path: Path) -> Path:
    """An MP4 whose table says that its first entry stands for four billion frames."""
    write(path, range(COUNT), Kind("mpeg4", ".mp4"))
    return patched(path, b"stts", 8, b"\xff\xff\xff\x00")


ODD: dict[str, Callable[[Path], Path]] = {
    "b_frames.avi": lambda path: write(path, range(COUNT), B_AVI),
    "xvid.avi": lambda path: write(path, range(COUNT), Kind("mpeg4", ".avi", options={"bf": "2"})),
    "joined.ts": lambda path: joined(path, B_TS),
    "joined.mpg": lambda path: joined(path, MPEG),
    "jump.ts": lambda path: joined(path, B_TS, later=5000),
    "plain.mpg": lambda path: write(path, range(COUNT), MPEG),
    "interlaced.mp4": interlaced,
    "ten_bits.mkv": ten_bits,
    "counted_wrong.mp4": counted_wrong,
    "stream.h264": lambda path: write(path, range(COUNT), replace(B_AVI, container="h264")),
    "stream.mjpeg": lambda path: write(path, range(COUNT), Kind("mjpeg", "", format="yuvj420p")),
    "mobile.3g2": lambda path: write(path, range(COUNT), replace(B_MP4, container="3g2")),
    "first_of_two.mp4": lambda path: write_tracks(path, [range(COUNT), range(500, 540)]),
    "second.mkv": lambda path: write_tracks(path, [range(500, 540), range(COUNT)], default=1),
}


@pytest.mark.promise(
    "clips",
    "B-frames, joins, edit lists and time stamps that go back",
    "every decoder returns the frames in order at their times",
)
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ODD)
def test_every_decoder_gives_the_frames_in_order_at_their_times(
    tmp_path: Path, name: str, backend: str
) -> None:
    path = ODD[name](tmp_path / name)
    media = open_video(path, EVERY, backend=backend)
    assert numbers_of(media.frames) == list(range(COUNT))
    assert np.allclose(media.times, np.arange(COUNT) / 25, atol=2e-3)
    some = open_video(path, Sampling(num_frames=4), backend="pyav")
    assert numbers_of(some.frames) == [0, 10, 20, 30]


@pytest.mark.promise("clips", "implausible time stamps", "ignored, with a note")
@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("joined.ts", "the time stamps start again 1 time"),
        ("jump.ts", "the time stamps start again 1 time"),
        ("stream.h264", "no time stamps; the times follow from 25 frames a second"),
        ("second.mkv", "one of 2 video tracks is shown"),
    ],
)
def test_what_was_not_followed_is_noted(tmp_path: Path, name: str, note: str) -> None:
    media = open_video(ODD[name](tmp_path / name))
    assert note in "; ".join(media.notes)


@pytest.mark.parametrize(
    "name", ["b_frames.avi", "ten_bits.mkv", "mobile.3g2", "counted_wrong.mp4"]
)
def test_of_a_clip_that_reads_well_nothing_is_noted(tmp_path: Path, name: str) -> None:
    assert not open_video(ODD[name](tmp_path / name)).notes


@pytest.mark.parametrize("backend", ["decord", "opencv"])
def test_another_decoder_is_used_where_it_agrees(tmp_path: Path, backend: str) -> None:
    path = write(tmp_path / "plain.mp4", range(12), B_MP4)
    assert not open_video(path, Sampling(num_frames=4), backend=backend).notes
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.has_b_frames


@pytest.mark.promise(
    "clips", "a decoder that returns wrong frames or aborts", "left out, with a note"
)
@pytest.mark.parametrize(
    ("name", "backend"), [("interlaced.mp4", "opencv"), ("counted_wrong.mp4", "decord")]
)
def test_a_decoder_that_is_wrong_or_dies_is_left_out_with_a_note(
    tmp_path: Path, name: str, backend: str
) -> None:
    media = open_video(ODD[name](tmp_path / name), Sampling(num_frames=4), backend=backend)
    assert media.notes[-1].endswith(FALLBACK)


QUARTERS = {
    "as stored": (1, 0, 0, 1),
    "right": (0, 1, -1, 0),
    "half": (-1, 0, 0, -1),
    "left": (0, -1, 1, 0),
    "mirrored": (-1, 0, 0, 1),
    "upside down": (1, 0, 0, -1),
    "transposed": (0, 1, 1, 0),
    "transverse": (0, -1, -1, 0),
}


def as_shown(stored: np.ndarray, a: int, b: int, c: int, d: int) -> np.ndarray:
    """Move each pixel to where a display matrix puts its middle."""
    height, width = stored.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    q, p = rows + 0.5 - height / 2, columns + 0.5 - width / 2
    x, y = a * p + c * q, b * p + d * q
    shown = np.empty((height, width, 3) if a or d else (width, height, 3), np.uint8)
    at = np.floor(y + shown.shape[0] / 2).astype(int), np.floor(x + shown.shape[1] / 2).astype(int)
    shown[at] = stored
    return shown


@pytest.mark.promise(
    "clips",
    "a clip that a phone marked as rotated",
    "upright with every decoder, rotated only once",
)
@pytest.mark.parametrize("turn", QUARTERS)
def test_a_turned_clip_is_upright_once(tmp_path: Path, turn: str) -> None:
    corner = np.full((96, 64, 3), 60, np.uint8)
    corner[:40, :20] = 220
    path = write(tmp_path / "phone.mov", range(4), H264, size=(96, 64), pictures=[corner] * 4)
    turned(path, *QUARTERS[turn])
    expected = as_shown(corner, *QUARTERS[turn])
    # Half of the turns with the others, to see whether they turn by themselves.
    for backend in BACKENDS if turn in ("right", "half", "mirrored") else ("pyav",):
        frames = open_video(path, backend=backend).frames
        assert frames.shape[1:] == expected.shape
        assert np.abs(frames[0].astype(int) - expected).mean() < 4


@pytest.mark.promise("clips", "pixels that are not square", "shown as in a video player")
@pytest.mark.parametrize("backend", BACKENDS)
def test_pixels_that_are_not_square_are_made_so(tmp_path: Path, backend: str) -> None:
    for aspect, width in ((Fraction(16, 11), 256), (Fraction(1, 2), 88)):
        path = tmp_path / f"{width}.mp4"
        write(path, range(8), H264, aspect=aspect)
        media = open_video(path, Sampling(num_frames=2), backend=backend)
        assert media.frames.shape[1:3] == (144, width)
        assert numbers_of(media.frames) == [0, 4]
        assert not any(FALLBACK in note for note in media.notes)
        assert any("not square" in note for note in media.notes)


@pytest.mark.promise("clips", "a clip with transparency", "shown on white, like pictures")
@pytest.mark.parametrize(
    ("kind", "backend"),
    [
        (Kind("libvpx-vp9", ".webm", format="yuva420p"), "pyav"),
        (Kind("libvpx", ".webm", format="yuva420p", options={"auto-alt-ref": "0"}), "pyav"),
        (Kind("prores_ks", ".mov", format="yuva444p10le"), "pyav"),
        (Kind("qtrle", ".mov", format="argb"), "decord"),
        (Kind("ffv1", ".mkv", format="bgra"), "opencv"),
        (Kind("png", ".mov", format="rgba"), "pyav"),
    ],
    ids=lambda value: str(value),
)
def test_transparent_parts_of_a_clip_show_white(tmp_path: Path, kind: Kind, backend: str) -> None:
    picture = np.zeros((48, 64, 4), np.uint8)
    picture[:, :32] = (200, 0, 0, 255)
    path = tmp_path / f"clear{kind.suffix}"
    write(path, range(4), kind, size=(48, 64), pictures=[picture] * 4)
    media = open_video(path, backend=backend)
    left, right = media.frames[0][:, :24].mean(axis=(0, 1)), media.frames[0][:, 40:]
    assert np.abs(left - (200, 0, 0)).max() < 12
    assert right.min() > 245
    assert "transparent parts are shown white" in media.notes


def test_a_channel_that_was_never_used_hides_nothing(tmp_path: Path) -> None:
    picture = np.zeros((48, 64, 4), np.uint8)
    picture[..., 1] = 180
    kind = Kind("rawvideo", ".avi", format="bgra")
    path = write(tmp_path / "old.avi", range(2), kind, size=(48, 64), pictures=[picture] * 2)
    media = open_video(path)
    assert np.abs(media.frames[0].mean(axis=(0, 1)) - (0, 180, 0)).max() < 2
    assert not media.notes


def test_frames_before_the_beginning_of_an_mp4_are_not_shown(tmp_path: Path) -> None:
    times = [(number - 5) / 25 for number in range(COUNT)]
    path = write(tmp_path / "cut.mp4", range(COUNT), B_MP4, times=times)
    media = open_video(path, EVERY)
    assert numbers_of(media.frames) == list(range(5, COUNT))
    assert media.times[0] == 0


@pytest.mark.promise(
    "clips",
    "a time lapse with fewer frames than requested",
    "all frames are used, and a note says so",
)
def test_a_slow_clip_says_how_many_frames_there_were(tmp_path: Path) -> None:
    path = write(tmp_path / "slow.mp4", range(10), B_MP4, rate=Fraction(1, 10))
    media = open_video(path)
    assert media.times.tolist() == [10 * number for number in range(10)]
    assert media.notes == ("all 10 frames taken",)
    media = open_video(path, Sampling(max_frames=5))
    assert media.notes == ("5 of 10 frames taken, within the budget of 5 frames",)


@pytest.mark.promise("clips", "an unknown codec", "a one-line error, exit code 2")
@pytest.mark.parametrize("backend", BACKENDS)
def test_an_unknown_codec_is_one_line(tmp_path: Path, backend: str) -> None:
    path = patched(write(tmp_path / "new.mp4"), b"stsd", 12, b"zzzz")
    with pytest.raises(MediaError, match=r"new\.mp4: its video codec.* is unknown"):
        open_video(path, backend=backend)


@pytest.mark.promise("clips", "an audio file with a cover picture", "not taken for a clip")
def test_a_cover_picture_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as container:
        cover = container.add_stream("mjpeg", rate=1)
        cover.height, cover.width, cover.pix_fmt = 48, 64, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        sound = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate, frame.pts = 8000, 0
        container.mux(cover.encode(av.VideoFrame.from_ndarray(painted(1, 48, 64), "rgb24")))
        container.mux(cover.encode())
        container.mux(sound.encode(frame))
        container.mux(sound.encode())
    with pytest.raises(MediaError, match="sound and a cover picture, but no video"):
        open_video(path)


@pytest.mark.promise("clips", "a decoder that hangs", "left out within ten seconds, with a note")
def test_a_decoder_that_hangs_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "plain.mp4", range(12))
    for name in PACKAGES:  # a package of the decoder's name, which never finishes loading
        (tmp_path / f"{PACKAGES[name][0]}.py").write_text("import time\ntime.sleep(60)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(foreign, "_LONGEST", 1.0)
    for backend in PACKAGES:
        begun = time.monotonic()
        media = open_video(path, Sampling(num_frames=4), backend=backend)
        assert time.monotonic() - begun < 10
        assert "does not come to an end within 1 seconds" in media.notes[-1]
        assert media.notes[-1].endswith(FALLBACK)
    assert foreign.patience(0.2) + 0.2 < 10 < foreign.patience(30.0)
