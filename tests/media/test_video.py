"""Clips: the right frames by their times, the same from every decoder, what is left of damage."""

import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from tam.errors import MediaError, SetupError
from tam.media import Sampling, open_video
from tam.media.video import BACKENDS

RATE, COUNT = 10, 30


def grey(index: int) -> int:
    """The level that frame ``index`` is painted in."""
    return 8 * index


def write(
    path: Path,
    times: list[float],
    codec: str = "h264",
    size: tuple = (48, 64),
    unit: Fraction = Fraction(1, 1000),
) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE)
        stream.height, stream.width = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.time_base = unit
        stream.codec_context.time_base = unit
        for index, time in enumerate(times):
            pixels = np.full((*size, 3), grey(index), np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = round(time / unit), unit
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    return write(folder / "clip.mp4", [i / RATE for i in range(COUNT)])


def shown(path: Path, sampling: Sampling | None = None, backend: str = "pyav") -> list[int]:
    """Which frames were taken, read off their grey levels."""
    media = open_video(path, sampling, backend=backend)
    assert (media.kind, media.frames.dtype) == ("video", np.uint8)
    levels = media.frames.reshape(len(media.frames), -1).mean(axis=1)
    return np.rint(levels / grey(1)).astype(int).tolist()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("sampling", "wanted"),
    [
        (Sampling(fps=2), [0, 5, 10, 15, 20, 25]),
        (Sampling(fps=RATE), list(range(30))),
        (Sampling(num_frames=3), [0, 10, 20]),
        (Sampling(fps=5, start=1.0, end=2.0), [10, 12, 14, 16, 18]),
        (Sampling(num_frames=1, start=2.05), [20]),
        (Sampling(fps=RATE, max_frames=6), [0, 5, 10, 15, 20, 25]),
        (Sampling(num_frames=500, max_frames=500), list(range(30))),
    ],
)
def test_frames_are_taken_by_their_times(
    clip: Path, sampling: Sampling, wanted: list[int], backend: str
) -> None:
    assert shown(clip, sampling, backend) == wanted
    times = open_video(clip, sampling, backend=backend).times
    assert np.allclose(times, np.array(wanted) / RATE)


def test_decoders_give_the_same_pixels(clip: Path) -> None:
    first, *others = (open_video(clip, backend=backend).frames for backend in BACKENDS)
    for other in others:
        # Each library converts YUV to RGB with its own rounding.
        assert np.abs(other.astype(int) - first.astype(int)).max() <= 3


@pytest.mark.promise("clips", "frames at uneven times", "each is used at its own time")
@pytest.mark.parametrize("backend", BACKENDS)
def test_uneven_frame_times_are_followed(tmp_path: Path, backend: str) -> None:
    # Ten frames in the first second, then one each second.
    times = [i / 10 for i in range(10)] + [1.0, 2.0, 3.0]
    path = write(tmp_path / "uneven.mkv", times)
    assert shown(path, Sampling(fps=1, end=4.0), backend) == [0, 10, 11, 12]


@pytest.mark.promise(
    "clips", "more frames than the budget", "evenly spaced frames are used, with a note"
)
def test_a_budget_takes_fewer_frames_and_says_so(clip: Path) -> None:
    media = open_video(clip, Sampling(fps=RATE, max_pixels=48 * 64 * 4))
    assert len(media.frames) == 4
    assert media.notes == ("4 of 30 frames taken, within the budget of 0.012288 megapixels",)
    media = open_video(clip, Sampling(fps=RATE, max_frames=5))
    assert media.notes == ("5 of 30 frames taken, within the budget of 5 frames",)
    assert not open_video(clip).notes


@pytest.mark.promise("clips", "a damaged clip", "the frames that decode are used, with a note")
@pytest.mark.parametrize("backend", BACKENDS)
def test_of_a_damaged_file_what_decodes_is_used(tmp_path: Path, backend: str) -> None:
    path = write(tmp_path / "cut.mkv", [i / RATE for i in range(COUNT)], codec="mpeg4")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    media = open_video(path, Sampling(fps=RATE), backend=backend)
    assert 3 < len(media.frames) < COUNT
    assert f"decoded {len(media.frames)} of {COUNT} frames" in media.notes[0]
    levels = media.frames.reshape(len(media.frames), -1).mean(axis=1)
    assert np.abs(levels - [grey(i) for i in range(len(levels))]).max() < 8


@pytest.mark.promise("clips", "packets that do not decode", "counted in a note")
def test_packets_that_do_not_decode_are_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "holes.avi", [i / RATE for i in range(COUNT)], codec="mjpeg")
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(container.streams.video[0]) if p.pos and p.size]
    data = bytearray(path.read_bytes())
    for packet in packets[20:]:
        data[packet.pos : packet.pos + packet.size] = bytes(packet.size)
    path.write_bytes(data)
    media = open_video(path, Sampling(fps=RATE))
    assert 10 <= len(media.frames) <= 21
    assert any(f"of {COUNT} frames" in note and "decoded" in note for note in media.notes)


def damaged(path: Path, seed: int) -> Path:
    """Write a clip of which some bytes in the middle are noise."""
    times = [i / RATE for i in range(COUNT)]
    write(path, times, codec="mpeg4", size=(96, 160), unit=Fraction(1, RATE))
    data = bytearray(path.read_bytes())
    rng = np.random.default_rng(seed)
    for place in rng.integers(len(data) * 3 // 10, len(data) * 6 // 10, rng.integers(1, 40)):
        data[place] = rng.integers(256)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("seed", range(7))
def test_of_a_damaged_file_every_decoder_gives_the_same_and_says_so(
    tmp_path: Path, seed: int
) -> None:
    path = damaged(tmp_path / "noise.avi", seed)
    for start in (0.0, 1.3, 2.3):
        sampling = Sampling(num_frames=4, start=start)
        first, *others = (open_video(path, sampling, backend=backend) for backend in BACKENDS)
        assert any("decoded" in note and f"of {COUNT} frames" in note for note in first.notes)
        for other in others:
            assert np.array_equal(other.frames, first.frames)
            assert np.array_equal(other.times, first.times)
            assert other.notes[: len(first.notes)] == first.notes
            assert "the frames are PyAV's" in other.notes[-1]


@pytest.mark.promise(
    "clips", "frames of different sizes within a clip", "scaled to the size of the first"
)
@pytest.mark.parametrize("backend", BACKENDS)
def test_frames_of_another_size_are_brought_to_the_first(tmp_path: Path, backend: str) -> None:
    halves = [
        write(tmp_path / f"{height}.ts", [i / RATE for i in range(10)], "h264", (height, 64))
        for height in (48, 96)
    ]
    path = tmp_path / "both.ts"
    path.write_bytes(b"".join(half.read_bytes() for half in halves))
    media = open_video(path, Sampling(num_frames=6), backend=backend)
    assert media.frames.shape[1:] == (48, 64, 3)


@pytest.mark.promise("clips", "metadata that is not UTF-8", "the clip is opened")
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_title_in_another_encoding_is_no_hindrance(tmp_path: Path, backend: str) -> None:
    path = tmp_path / "titled.avi"
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "Fruehling"
        stream = container.add_stream("mjpeg", rate=RATE)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuvj420p"
        pixels = np.full((48, 64, 3), grey(4), np.uint8)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    path.write_bytes(path.read_bytes().replace(b"Fruehling", "Frühling ".encode("latin-1")))
    assert shown(path, backend=backend) == [4]


@pytest.mark.promise("clips", "a wrong frame count in the header", "not relied on")
def test_a_count_of_frames_is_not_relied_on(tmp_path: Path) -> None:
    # An AVI file in steps of a millisecond counts one for each step, and is whole nevertheless.
    path = write(tmp_path / "many.avi", [i / RATE for i in range(COUNT)], codec="mjpeg")
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames > 10 * COUNT
    media = open_video(path, Sampling(num_frames=3))
    assert media.times.tolist() == [0, 1, 2]
    assert not media.notes


@pytest.mark.promise("clips", "a folder of frames with numbered names", "read in numerical order")
def test_a_folder_of_pictures_is_a_clip_in_the_order_of_numbers(tmp_path: Path) -> None:
    for index in (10, 2, 1):
        Image.new("RGB", (8, 6), (index, index, index)).save(tmp_path / f"f{index}.png")
    media = open_video(tmp_path, Sampling(fps=4))
    assert media.frames[:, 0, 0, 0].tolist() == [1, 2, 10]
    assert media.times.tolist() == [0, 0.25, 0.5]
    Image.new("RGB", (9, 6)).save(tmp_path / "f11.png")
    with pytest.raises(MediaError, match="frames of one size"):
        open_video(tmp_path)


def test_digits_that_are_no_numbers_are_letters_of_a_name(tmp_path: Path) -> None:
    for name, level in (("2.png", 20), ("10.png", 30), ("²1.png", 40), ("x².png", 50)):
        Image.new("RGB", (8, 6), (level,) * 3).save(tmp_path / name)
    frames = open_video(tmp_path, Sampling(fps=1)).frames
    assert sorted(frames[:, 0, 0, 0].tolist()) == [20, 30, 40, 50]
    assert frames[:, 0, 0, 0].tolist().index(20) < frames[:, 0, 0, 0].tolist().index(30)


def test_a_folder_that_may_not_be_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(MediaError, match=r"cannot be read \(Permission denied\)"):
        open_video(tmp_path)


@pytest.mark.promise("clips", "a file without a video stream", "refused with a one-line error")
def test_what_is_no_clip_is_said_plainly(tmp_path: Path, clip: Path) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    empty = tmp_path / "empty"
    empty.mkdir()
    for path, words in (
        (tmp_path / "missing.mp4", "no such file"),
        (text, "cannot be read as a video"),
        (empty, "folder is empty"),
    ):
        with pytest.raises(MediaError, match=words):
            open_video(path)
    with pytest.raises(MediaError, match=r"lasts 3\.00 s"):
        open_video(clip, Sampling(start=9))
    with pytest.raises(MediaError, match="unknown decoder"):
        open_video(clip, backend="vlc")


@pytest.mark.promise(
    "clips", "sampling of zero, infinitely many or negative frames", "refused with a one-line error"
)
@pytest.mark.parametrize(
    "options", [{"fps": 0}, {"num_frames": 0}, {"start": -1}, {"start": 2, "end": 1}]
)
def test_impossible_sampling_is_refused(options: dict) -> None:
    with pytest.raises(MediaError, match="not possible"):
        Sampling(**options)


@pytest.mark.promise("clips", "a decoder that is not installed", "exit code 3 and what to install")
def test_a_missing_decoder_is_said_plainly(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "decord", None)
    with pytest.raises(SetupError, match="decord cannot be loaded"):
        open_video(clip, backend="decord")
    assert len(open_video(clip).frames) == 6
