"""What a file is, its content tells; a name is never an address; animations are clips if asked."""

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from tam.errors import MediaError
from tam.media import Sampling, open_image, open_media, open_video
from tests.media.numbered import Kind, numbers_of, painted, write


def moving() -> list[Image.Image]:
    return [Image.fromarray(painted(number)) for number in range(5)]


def animation(path: Path, durations: list[int] | int = 40, **options: object) -> Path:
    first, *others = moving()
    first.save(path, save_all=True, append_images=others, duration=durations, **options)
    return path


@pytest.mark.promise("clips", "a clip with a wrong suffix or none", "recognized by its content")
@pytest.mark.parametrize(
    "name", ["clip", "clip.png", "clip.3g2", "clip.mxf", "clip.txt", "cl:ip.x"]
)
def test_a_clip_is_known_by_its_content(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, range(6), Kind("mpeg4", "", "mp4"))
    assert numbers_of(open_media(path, sampling=Sampling(num_frames=3)).frames) == [0, 2, 4]


@pytest.mark.promise(
    "pictures", "a picture with a wrong suffix or none", "recognized by its content"
)
def test_a_picture_is_known_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "picture.mp4"
    moving()[3].save(path, "PNG")
    media = open_media(path)
    assert media.kind == "image"
    assert numbers_of(media.frames) == [3]


@pytest.mark.promise(
    "pictures", "a file that is neither a picture nor a clip", "refused with a one-line error"
)
def test_what_is_neither_is_said_in_a_line(tmp_path: Path) -> None:
    for name, content in (("a.mp4", b"no video"), ("b.txt", b"words\n" * 99), ("c", b"\0" * 3000)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(MediaError, match="neither a picture nor a clip in a known format"):
            open_media(tmp_path / name)


@pytest.mark.promise(
    "clips", "an animated GIF, WebP or PNG that is opened as a clip", "all its frames are used"
)
@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
@pytest.mark.parametrize("asked", [{"sampling": Sampling(fps=25)}, {"kind": "video"}])
def test_an_animation_that_is_asked_for_as_a_clip_is_one(
    tmp_path: Path, suffix: str, asked: dict
) -> None:
    path = animation(tmp_path / f"moving.{suffix}", durations=[40, 40, 200, 40, 600])
    media = open_media(path, **asked)
    assert media.kind == "video"
    expected = {25: [0, 1, 2, 3, 4], 2: [0, 4]}[25 if "sampling" in asked else 2]
    assert numbers_of(media.frames) == expected
    assert np.allclose(media.times, np.array([0, 0.04, 0.08, 0.28, 0.32])[expected])


@pytest.mark.promise(
    "pictures",
    "an animated picture among still ones",
    "its first frame is used, and a note says so",
)
@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
@pytest.mark.parametrize("asked", [{}, {"sampling": Sampling(), "kind": "image"}])
def test_else_its_first_frame_is_shown_and_said(tmp_path: Path, suffix: str, asked: dict) -> None:
    media = open_media(animation(tmp_path / f"moving.{suffix}"), **asked)
    assert media.kind == "image"
    assert numbers_of(media.frames) == [0]
    assert media.notes == ("the first of 5 frames is shown",)


def test_pages_are_no_clip(tmp_path: Path) -> None:
    first, *others = moving()[1:]
    first.save(tmp_path / "pages.tif", save_all=True, append_images=others)
    media = open_media(tmp_path / "pages.tif", sampling=Sampling())
    assert media.kind == "image"
    assert media.notes == ("the first of 4 pictures is shown",)


def test_frames_of_no_length_are_shown_as_long_as_in_a_browser(tmp_path: Path) -> None:
    media = open_video(animation(tmp_path / "fast.gif", durations=0), Sampling(num_frames=5))
    assert np.allclose(media.times, np.arange(5) / 10)


def test_a_picture_for_those_who_see_no_animation_is_no_frame(tmp_path: Path) -> None:
    path = animation(tmp_path / "cover.png", default_image=True)
    media = open_video(path, Sampling(fps=100))
    assert numbers_of(media.frames) == [1, 2, 3, 4]
    assert media.times[0] == 0


def test_transparent_frames_show_white(tmp_path: Path) -> None:
    clear = [Image.new("RGBA", (8, 8), (200, 0, 0, alpha)) for alpha in (255, 0)]
    path = tmp_path / "clear.png"
    clear[0].save(path, save_all=True, append_images=clear[1:], duration=100)
    media = open_video(path, Sampling(num_frames=2))
    assert media.frames[:, 0, 0].tolist() == [[200, 0, 0], [255, 255, 255]]
    assert media.notes == ("transparent parts are shown white",)


def test_one_picture_as_a_clip_says_so(tmp_path: Path) -> None:
    moving()[2].save(tmp_path / "one.jpg")
    media = open_media(tmp_path / "one.jpg", kind="video")
    assert (media.kind, len(media.frames)) == ("video", 1)
    assert media.notes == ("one picture, shown as a clip of one frame",)
    clip = write(tmp_path / "clip.mp4")
    with pytest.raises(MediaError, match="is a clip where a picture is wanted"):
        open_media(clip, kind="image")


@pytest.mark.promise(
    "clips", "a file name that looks like an FFmpeg protocol", "the file of that name is opened"
)
@pytest.mark.parametrize(
    "name", ["2024-05-01T12:30:00.mp4", "file:x.mp4", "concat:a.mp4|b.mp4", "%03d.mp4", "-i.mp4"]
)
@pytest.mark.parametrize("backend", ["pyav", "decord", "opencv"])
def test_a_name_is_a_name_and_no_protocol(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, backend: str
) -> None:
    if backend != "pyav" and name[0] not in "2-":
        backend = "pyav"
    monkeypatch.chdir(tmp_path)
    write(Path("x.mp4"), range(100, 106))
    write(Path("clip.mp4"), range(6)).rename(name)
    media = open_media(name, sampling=Sampling(num_frames=3), decoder=backend)
    assert numbers_of(media.frames) == [0, 2, 4]
    assert not media.notes


@pytest.mark.promise(
    "addresses", "an existing path that looks like a URL", "opened as a file, not fetched"
)
def test_a_path_that_looks_like_an_address_is_not_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path("http:/127.0.0.1:1")
    folder.mkdir(parents=True)
    write(tmp_path / folder / "clip.mp4", range(6))
    moving()[1].save(folder / "a.png")
    for allow in (False, True):
        for source in ("http://127.0.0.1:1/clip.mp4", folder / "clip.mp4"):
            media = open_media(source, allow_urls=allow, sampling=Sampling(num_frames=3))
            assert numbers_of(media.frames) == [0, 2, 4]
        assert numbers_of(open_image("http://127.0.0.1:1/a.png", allow_urls=allow).frames) == [1]
    assert numbers_of(open_video("http://127.0.0.1:1/clip.mp4").frames) == [0]


PLAYLISTS = {
    "list.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n",
    "list.ffconcat": "ffconcat version 1.0\nfile '{}'\n",
    "list.mpd": "<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011' type='static'>"
    "<Period><AdaptationSet mimeType='video/mp2t'><Representation id='0' bandwidth='1'>"
    "<BaseURL>{}</BaseURL></Representation></AdaptationSet></Period></MPD>",
    "list.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
    "m=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
}


@pytest.mark.promise("clips", "a playlist or concat file", "does not open other files")
@pytest.mark.parametrize("name", PLAYLISTS)
@pytest.mark.parametrize("suffix", ["", ".mp4"])
def test_a_playlist_opens_no_other_file(tmp_path: Path, name: str, suffix: str) -> None:
    secret = write(tmp_path / "secret.ts", range(6), Kind("mpeg2video", ".ts"))
    before = secret.stat().st_atime_ns
    for named in ("secret.ts", str(secret), f"file:{secret}"):
        path = tmp_path / (name + suffix)
        path.write_text(PLAYLISTS[name].format(named))
        for opened in (open_media, open_video):
            with pytest.raises(MediaError):
                opened(path)
    assert secret.stat().st_atime_ns == before


def test_a_stream_of_jpeg_pictures_is_a_clip(tmp_path: Path) -> None:
    path = write(tmp_path / "stream.jpg", range(6), Kind("mjpeg", "", "mjpeg", format="yuvj420p"))
    assert numbers_of(open_media(path, sampling=Sampling(num_frames=3)).frames) == [0, 2, 4]


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\xff\xd8\xff", "JPEG"),
        (b"\x89PNG", "PNG"),
        (b"GIF89a", "GIF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1", "HEIC"),
        (b"\0\0\0\x18ftypavif", "AVIF"),
        (b"RIFF\x40\0\0\0WEBP", "WebP"),
    ],
)
def test_a_picture_that_cannot_be_read_is_no_clip(tmp_path: Path, head: bytes, kind: str) -> None:
    (tmp_path / "photo").write_bytes(head + bytes(64))
    for opened in (open_media, open_video):
        with pytest.raises(
            MediaError, match=rf"photo: (is a picture \({kind}\)|the picture is dam)"
        ):
            opened(tmp_path / "photo")


@pytest.mark.promise(
    "hostile words", "escape sequences in the name of a clip", "none reaches a terminal"
)
def test_names_of_clips_cannot_steer_a_terminal(tmp_path: Path) -> None:
    path = write(tmp_path / "clip.mp4").rename(tmp_path / "red\x1b[31m.mp4")
    assert "\x1b" not in open_media(path).name
    path.write_bytes(b"no video")
    with pytest.raises(MediaError) as caught:
        open_video(path)
    assert "\x1b" not in str(caught.value)


def test_all_formats_that_are_refused_exist_or_did() -> None:
    """A name that is misspelled would be let through."""
    from tam.media.container import _REFUSED

    unknown = _REFUSED - set(av.formats_available)
    # Parts that other builds of FFmpeg have.
    assert unknown <= {"avisynth", "dash", "imf", "vapoursynth", "fbdev", "kmsgrab", "oss", "alsa"}
