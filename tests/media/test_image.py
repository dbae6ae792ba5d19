import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tam.errors import MediaError
from tam.media import Media, image_from_array, open_image, open_media

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


@pytest.mark.promise(
    "pictures", "EXIF data says that a picture is rotated or mirrored", "shown upright"
)
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


@pytest.mark.promise("pictures", "a damaged EXIF block in a whole picture", "the picture is opened")
def test_a_damaged_exif_block_does_not_stop_a_whole_picture(tmp_path: Path) -> None:
    path = tmp_path / "exif.png"
    corners().save(path, exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    np.testing.assert_array_equal(pixels_of(path), np.asarray(corners()))


@pytest.mark.promise(
    "pictures",
    "grey, palette, CMYK, alpha, 1-bit and float pictures",
    "converted to RGB as in an image viewer",
)
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


@pytest.mark.promise("pictures", "transparent parts", "shown on white")
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


@pytest.mark.promise("pictures", "16-bit pictures", "keep their whole range")
def test_sixteen_bits_keep_their_range(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 64).astype(np.uint16)[None].repeat(2, 0)
    for name in ("ramp.png", "ramp.tif"):
        Image.fromarray(ramp).save(tmp_path / name)
        opened = pixels_of(tmp_path / name)
        assert opened[0, :, 0].tolist() == np.rint(ramp[0] / 257).astype(int).tolist()


@pytest.mark.promise("pictures", "values without a known scale", "refused with a one-line error")
def test_values_without_a_known_scale_are_refused() -> None:
    with pytest.raises(MediaError, match="no known scale"):
        open_image(Image.new("I", (3, 3), 70_000))
    with pytest.raises(MediaError, match="no known scale"):
        open_image(Image.fromarray(np.full((3, 3), np.nan, np.float32)))


def tiff(path: Path, values: np.ndarray, photometric: int, bits: int, form: int = 1) -> Path:
    """Write an uncompressed grey TIFF by hand: Pillow writes no WhiteIsZero of 16 bits."""
    height, width = values.shape
    data = values.tobytes()
    if bits == 12:  # two values in three bytes, the first one's high bits first
        pairs = values.astype(np.uint16).reshape(height, width // 2, 2)
        high, low = pairs[..., 0], pairs[..., 1]
        packed = np.stack([high >> 4, (high & 15) << 4 | low >> 8, low & 255], axis=-1)
        data = packed.astype(np.uint8).tobytes()
    tags = [
        (256, width),
        (257, height),
        (258, bits),
        (259, 1),
        (262, photometric),
        (273, 8),
        (277, 1),
        (278, height),
        (279, len(data)),
        (339, form),
    ]
    data += b"\0" * (len(data) % 2)
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    head = struct.pack("<2sHI", b"II", 42, 8 + len(data))
    path.write_bytes(head + data + struct.pack("<H", len(tags)) + entries + bytes(4))
    return path


@pytest.mark.promise("pictures", "a TIFF in which white is zero", "not shown as its negative")
@pytest.mark.parametrize(
    ("kind", "bits", "form", "white"),
    [("<u2", 16, 1, 65535), ("<f4", 32, 3, 1.0), ("u1", 8, 1, 255)],
    ids=["16 bits", "float", "8 bits"],
)
def test_where_white_is_zero_the_picture_is_no_negative(
    tmp_path: Path, kind: str, bits: int, form: int, white: float
) -> None:
    shares = np.repeat([[0.2], [0.8]], 4, axis=1)
    for photometric, expected in ((0, [204, 51]), (1, [51, 204])):
        values = (shares * white).round(6).astype(kind)
        opened = pixels_of(tiff(tmp_path / f"{photometric}.tif", values, photometric, bits, form))
        assert np.abs(opened[:, 0, 0].astype(int) - expected).max() <= 1


def test_twelve_bits_have_a_range_of_their_own(tmp_path: Path) -> None:
    values = np.repeat([[4095], [2048]], 4, axis=1)
    opened = pixels_of(tiff(tmp_path / "deep.tif", values, 1, 12))
    assert opened[:, 0, 0].tolist() == [255, 128]


@pytest.mark.promise(
    "pictures", "an animation where a picture is expected", "its first frame is used"
)
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


@pytest.mark.promise(
    "pictures", "arrays of unsupported shapes and types", "refused with a one-line error"
)
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
    with pytest.raises(MediaError, match="int is not a picture"):
        open_image(3)


@pytest.mark.promise("pictures", "a missing file", "a one-line error that names it")
def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"nothing\.png: no such file; check the path"):
        open_image(tmp_path / "nothing.png")


@pytest.mark.promise("pictures", "an empty name", "refused with a one-line error")
def test_folder_and_empty_path(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="is a folder"):
        open_image(tmp_path)
    with pytest.raises(MediaError, match="the path is empty"):
        open_image("")


@pytest.mark.promise(
    "pictures", "a path that no operating system accepts", "refused with a one-line error"
)
def test_a_path_that_no_system_takes() -> None:
    with pytest.raises(MediaError, match="cannot be read"):
        open_image("a\0b.png")
    with pytest.raises(MediaError, match="cannot be read"):
        open_image("a" * 5000)


@pytest.mark.promise("pictures", "a file without read permission", "a one-line error that says so")
@pytest.mark.parametrize("call", ["stat", "open"])
def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    path = tmp_path / "locked.png"
    corners().save(path)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, call, refuse)
    with pytest.raises(MediaError, match="no permission"):
        open_image(path)


@pytest.mark.promise("pictures", "a device instead of a picture", "not read")
def test_a_device_is_not_read() -> None:
    with pytest.raises(MediaError, match="not a regular file"):
        open_image(os.devnull)


@pytest.mark.promise("pictures", "an empty file", "refused with a one-line error")
def test_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.png"
    path.touch()
    with pytest.raises(MediaError, match="the file is empty"):
        open_image(path)


@pytest.mark.promise("pictures", "a file that is not a picture", "refused with a one-line error")
@pytest.mark.parametrize(
    "content", [b"hello", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"<svg/>"]
)
def test_not_an_image(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "text.png"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=r"text\.png: is not a picture .* convert it to PNG"):
        open_image(path)


@pytest.mark.promise("pictures", "a truncated picture", "refused with a one-line error")
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


@pytest.mark.promise(
    "pictures", "a decompression bomb", "measured and refused before it is decoded"
)
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
    with pytest.raises(MediaError, match="too long and thin"):
        open_media(Media(np.zeros((1, 1, 300, 3), np.uint8), np.zeros(1), "long"))


def test_a_large_picture_below_the_limit_gives_no_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 400)
    path = tmp_path / "large.png"
    corners().save(path)
    assert pixels_of(path).shape == (20, 30, 3)


@pytest.mark.promise("pictures", "a picture without pixels", "refused with a one-line error")
def test_zero_size(tmp_path: Path) -> None:
    path = tmp_path / "zero.png"
    path.write_bytes(png_header(0, 5))
    with pytest.raises(MediaError):
        open_image(path)
    with pytest.raises(MediaError, match="no pixels"):
        open_image(Image.new("RGB", (0, 5)))


@pytest.mark.promise(
    "pictures", "a picture with an extreme aspect ratio", "refused with a one-line error"
)
def test_extreme_aspect_ratio() -> None:
    assert pixels_of(Image.new("RGB", (400, 2))).shape == (2, 400, 3)
    for size in ((401, 2), (1, 201)):
        with pytest.raises(MediaError, match="at most 200 times the shorter"):
            open_image(Image.new("RGB", size))


@pytest.mark.promise(
    "hostile words", "escape sequences in the name of a picture", "none reaches a terminal"
)
def test_names_cannot_steer_a_terminal(tmp_path: Path) -> None:
    path = tmp_path / "red\x1b[31m.png"
    corners().save(path)
    assert "\x1b" not in open_image(path).name
    with pytest.raises(MediaError) as caught:
        open_image("\x1b[2Jmissing.png")
    assert "\x1b" not in str(caught.value)


def test_an_opened_picture_is_a_media() -> None:
    assert isinstance(open_image(corners()), Media)
