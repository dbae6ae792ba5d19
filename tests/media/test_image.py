import http.server
import os
import struct
import threading
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tam.errors import MediaError
from tam.media import Media, image_from_array, open_image, open_media
from tam.media.fetch import fetch

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def corners() -> Image.Image:
    """A 30 × 20 picture: red upper left, green upper right, blue below."""
    pixels = np.zeros((20, 30, 3), np.uint8)
    pixels[:10, :15], pixels[:10, 15:], pixels[10:] = RED, GREEN, BLUE
    return Image.fromarray(pixels)


def pixels_of(source: object, **options: object) -> np.ndarray:
    media = open_image(source, **options)
    assert media.kind == "image"
    assert len(media.frames) == 1
    return media.frames[0]


def test_a_file_is_opened_as_rgb_and_named_by_its_last_part(tmp_path: Path) -> None:
    path = tmp_path / "a picture.png"
    corners().save(path)
    for source in (path, str(path)):
        media = open_image(source)
        assert media.name == "a picture.png"
        assert (media.height, media.width) == (20, 30)
        np.testing.assert_array_equal(media.frames[0], np.asarray(corners()))


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path: Path, suffix: str, orientation: int) -> None:
    """The file holds the upright picture turned back, as a camera would have written it."""
    turn_back = {
        1: lambda p: p,
        2: lambda p: p[:, ::-1],
        3: lambda p: p[::-1, ::-1],
        4: lambda p: p[::-1],
        5: lambda p: p.transpose(1, 0, 2),
        6: lambda p: np.rot90(p),
        7: lambda p: np.rot90(p, 2).transpose(1, 0, 2),
        8: lambda p: np.rot90(p, 3),
    }[orientation]
    upright = np.asarray(corners())
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"turned.{suffix}"
    Image.fromarray(np.ascontiguousarray(turn_back(upright))).save(path, exif=exif)
    opened = pixels_of(path)
    assert opened.shape == upright.shape
    inner = np.ix_([4, 15], [5, 24])
    assert np.abs(opened[inner].astype(int) - upright[inner]).max() < 20


def test_a_damaged_exif_block_does_not_stop_a_whole_picture(tmp_path: Path) -> None:
    path = tmp_path / "exif.png"
    corners().save(path, exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    np.testing.assert_array_equal(pixels_of(path), np.asarray(corners()))


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image.new("L", (4, 3), 77), (77, 77, 77)),
        (Image.new("1", (4, 3), 1), (255, 255, 255)),
        (Image.new("LA", (4, 3), (0, 0)), (255, 255, 255)),
        (Image.new("LA", (4, 3), (80, 255)), (80, 80, 80)),
        (Image.new("RGBA", (4, 3), (200, 0, 0, 0)), (255, 255, 255)),
        (Image.new("RGBA", (4, 3), (0, 0, 0, 51)), (204, 204, 204)),
        (Image.new("RGBa", (4, 3), (0, 0, 0, 51)), (204, 204, 204)),
        (Image.new("CMYK", (4, 3), (0, 255, 255, 0)), RED),
        (Image.new("YCbCr", (4, 3), (128, 128, 128)), (128, 128, 128)),
        (Image.new("HSV", (4, 3), (85, 255, 255)), GREEN),
        (Image.new("I;16", (4, 3), 128 * 257), (128, 128, 128)),
        (Image.new("I;16B", (4, 3), 65535), (255, 255, 255)),
        (Image.new("I", (4, 3), 257), (1, 1, 1)),
        (Image.new("F", (4, 3), 0.2), (51, 51, 51)),
    ],
    ids=lambda value: value.mode if isinstance(value, Image.Image) else "",
)
def test_every_mode_becomes_rgb(image: Image.Image, expected: tuple[int, int, int]) -> None:
    opened = pixels_of(image)
    assert opened.shape == (3, 4, 3)
    assert (opened == expected).all()


@pytest.mark.parametrize("transparency", [1, bytes([255, 0])])
def test_transparent_palette_colours_show_white(tmp_path: Path, transparency: int | bytes) -> None:
    image = Image.new("P", (4, 2), 0)
    image.putpalette([*RED, *GREEN])
    image.putpixel((3, 1), 1)
    path = tmp_path / "palette.png"
    image.save(path, transparency=transparency)
    opened = pixels_of(path)
    assert tuple(opened[0, 0]) == RED
    assert tuple(opened[1, 3]) == (255, 255, 255)


def test_a_palette_without_transparency(tmp_path: Path) -> None:
    path = tmp_path / "palette.gif"
    corners().quantize(4).save(path)
    np.testing.assert_array_equal(pixels_of(path), np.asarray(corners()))


def test_sixteen_bits_keep_their_range(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 64).astype(np.uint16)[None].repeat(2, 0)
    for name in ("ramp.png", "ramp.tif"):
        Image.fromarray(ramp).save(tmp_path / name)
        opened = pixels_of(tmp_path / name)
        assert opened[0, :, 0].tolist() == np.rint(ramp[0] / 257).astype(int).tolist()


def test_values_without_a_known_scale_are_refused() -> None:
    with pytest.raises(MediaError, match="no known scale"):
        open_image(Image.new("I", (3, 3), 70_000))
    with pytest.raises(MediaError, match="no known scale"):
        open_image(Image.fromarray(np.full((3, 3), np.nan, np.float32)))


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "tif"])
def test_the_first_frame_of_an_animation_is_taken(tmp_path: Path, suffix: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, GREEN, BLUE)]
    path = tmp_path / f"moving.{suffix}"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    opened = pixels_of(path)
    assert np.abs(opened.astype(int) - RED).max() < 8


def test_arrays() -> None:
    rgb = np.asarray(corners())
    np.testing.assert_array_equal(pixels_of(rgb), rgb)
    np.testing.assert_array_equal(pixels_of(rgb[::-1, :, ::-1]), rgb[::-1, :, ::-1])
    assert pixels_of(rgb[..., 0]).shape == (20, 30, 3)
    clear = np.zeros((5, 5, 4), np.uint8)
    assert (pixels_of(clear) == 255).all()


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4, 3), np.float32),
        np.zeros((3, 4, 4, 3), np.uint8),
        np.zeros((3, 4, 4), np.uint8)[:, :, :2],
        np.zeros(4, np.uint8),
        np.zeros((0, 4, 3), np.uint8),
    ],
    ids=["float", "clip", "two channels", "flat", "empty"],
)
def test_other_arrays_are_refused(array: np.ndarray) -> None:
    with pytest.raises(MediaError, match=r"array is|no pixels"):
        open_image(array)


def test_the_array_of_the_caller_is_copied() -> None:
    array = np.zeros((4, 4, 3), np.uint8)
    media = open_image(array)
    array[:] = 255
    assert not media.frames.any()


def test_media_passes_through_and_other_types_do_not() -> None:
    media = image_from_array(np.zeros((4, 4, 3), np.uint8))
    assert open_image(media) is media
    with pytest.raises(MediaError, match="int is no kind of picture"):
        open_image(3)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"nothing\.png: no such file; check the path"):
        open_image(tmp_path / "nothing.png")


def test_folder_and_empty_path(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="is a folder"):
        open_image(tmp_path)
    with pytest.raises(MediaError, match="the path is empty"):
        open_image("")


def test_a_path_that_no_system_takes() -> None:
    with pytest.raises(MediaError, match="cannot be read"):
        open_image("a\0b.png")
    with pytest.raises(MediaError, match="cannot be read"):
        open_image("a" * 5000)


@pytest.mark.parametrize("call", ["stat", "open"])
def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    path = tmp_path / "locked.png"
    corners().save(path)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, call, refuse)
    with pytest.raises(MediaError, match="no permission"):
        open_image(path)


def test_a_device_is_not_read() -> None:
    with pytest.raises(MediaError, match="no ordinary file"):
        open_image(os.devnull)


def test_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.png"
    path.touch()
    with pytest.raises(MediaError, match="the file is empty"):
        open_image(path)


@pytest.mark.parametrize(
    "content", [b"hello", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"<svg/>"]
)
def test_not_an_image(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "text.png"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=r"text\.png: is not a picture .* convert it to PNG"):
        open_image(path)


@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "webp", "tif", "bmp", "jp2"])
@pytest.mark.parametrize("share", [0.5, 0.95])
def test_truncated_image(tmp_path: Path, suffix: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = tmp_path / f"cut.{suffix}"
    Image.fromarray(noise).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(MediaError, match=rf"cut\.{suffix}: "):
        open_image(path)


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises a size and holds next to no data."""
    chunks = b""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0")), (b"IEND", b"")):
        checksum = zlib.crc32(kind + data)
        chunks += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.mark.parametrize("side", [10_001, 13_000, 60_000])
def test_a_decompression_bomb_is_stopped_before_decoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, side: int
) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(side, side))

    def never(*_: object) -> None:
        raise AssertionError("decoded")

    Image.init()  # a plugin may decode a picture of its own while Pillow imports it
    monkeypatch.setattr(Image.Image, "load", never)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", never)
    with pytest.raises(MediaError, match="make the picture smaller, or raise max_pixels"):
        open_image(path)


def test_the_pixel_limit_can_be_set() -> None:
    assert pixels_of(corners(), max_pixels=600).shape == (20, 30, 3)
    for source in (corners(), np.asarray(corners()), open_image(corners())):
        with pytest.raises(MediaError, match="30 × 20 pixels, more than 599"):
            open_image(source, max_pixels=599)


def test_a_picture_opened_with_a_higher_limit_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(open_image.__kwdefaults__, "max_pixels", 599)
    large = open_image(corners(), max_pixels=600)
    assert open_media(large) is large
    with pytest.raises(MediaError, match="too long a shape"):
        open_media(Media(np.zeros((1, 1, 300, 3), np.uint8), np.zeros(1), "long"))


def test_a_large_picture_below_the_limit_gives_no_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 400)
    path = tmp_path / "large.png"
    corners().save(path)
    assert pixels_of(path).shape == (20, 30, 3)


def test_zero_size(tmp_path: Path) -> None:
    path = tmp_path / "zero.png"
    path.write_bytes(png_header(0, 5))
    with pytest.raises(MediaError):
        open_image(path)
    with pytest.raises(MediaError, match="no pixels"):
        open_image(Image.new("RGB", (0, 5)))


def test_extreme_aspect_ratio() -> None:
    assert pixels_of(Image.new("RGB", (400, 2))).shape == (2, 400, 3)
    for size in ((401, 2), (1, 201)):
        with pytest.raises(MediaError, match="at most 200 times the shorter"):
            open_image(Image.new("RGB", size))


def test_names_cannot_steer_a_terminal(tmp_path: Path) -> None:
    path = tmp_path / "red\x1b[31m.png"
    corners().save(path)
    assert "\x1b" not in open_image(path).name
    with pytest.raises(MediaError) as caught:
        open_image("\x1b[2Jmissing.png")
    assert "\x1b" not in str(caught.value)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "*")
    buffer = BytesIO()
    corners().save(buffer, "PNG")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            target = {"/file": "file:///etc/hostname", "/ftp": "ftp://localhost/x"}.get(self.path)
            if target or self.path == "/moved":
                self.send_response(302)
                self.send_header("Location", target or "/a%20picture.png?token=secret")
                self.end_headers()
            elif self.path.startswith("/a%20picture.png"):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(buffer.getvalue())
            else:
                self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/x.png", "HTTPS://user:pass@x/y.png?token=secret", "data:,x", "s3://b/k"],
)
def test_an_address_is_refused_unless_allowed(url: str) -> None:
    with pytest.raises(MediaError, match=r"addresses are not fetched.*--allow-urls") as caught:
        open_image(url)
    assert "secret" not in str(caught.value)
    assert "pass" not in str(caught.value)


def test_an_allowed_address_is_fetched(server: str) -> None:
    media = open_image(f"{server}/a%20picture.png?token=secret", allow_urls=True)
    assert media.name == "a picture.png"
    np.testing.assert_array_equal(media.frames[0], np.asarray(corners()))
    np.testing.assert_array_equal(
        open_image(f"{server}/moved", allow_urls=True).frames, media.frames
    )


def test_what_cannot_be_fetched(server: str) -> None:
    with pytest.raises(MediaError, match="the server answered 404"):
        open_image(f"{server}/missing.png", allow_urls=True)
    with pytest.raises(MediaError, match="cannot be fetched"):
        open_image("http://127.0.0.1:1/x.png", allow_urls=True)
    with pytest.raises(MediaError, match="no valid address"):
        open_image("http://127.0.0.1:99999/x.png", allow_urls=True)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x.png", "file:///etc/hostname", "data:,x"])
def test_other_schemes_are_never_fetched(url: str) -> None:
    with pytest.raises(MediaError, match="only http and https"):
        open_image(url, allow_urls=True)


@pytest.mark.parametrize("path", ["/file", "/ftp"])
def test_a_redirection_cannot_leave_http(server: str, path: str) -> None:
    with pytest.raises(MediaError):
        open_image(f"{server}{path}", allow_urls=True)


def test_limits_of_a_fetch(server: str) -> None:
    with pytest.raises(MediaError, match="larger than 20 bytes"):
        fetch(f"{server}/a%20picture.png", allowed=True, max_bytes=20)
    with pytest.raises(MediaError, match=r"takes longer than|cannot be fetched"):
        fetch(f"{server}/a%20picture.png", allowed=True, timeout=1e-9)


def test_an_opened_picture_is_a_media() -> None:
    assert isinstance(open_image(corners()), Media)
