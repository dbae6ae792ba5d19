import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tam.explanation.explanation import Explanation
from tam.files.storage import load_explanation, save_explanation
from tam.media import open_image
from tam.media.jpeg import stripped_jpeg
from tam.media.media import image_from_array
from tam.report.embedding import embedded_frames
from tam.report.sprites import jpeg_uri
from tests.hand_made import explanation, grid, picture

SECRET = b"52.5163 North"
TURNED = (6, 8, 3, 1)


def photograph(orientation: int = 1, **options: object) -> bytes:
    """A JPEG that says where it was taken, in EXIF, XMP and a remark, with a trailer."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = SECRET.decode()
    stream = io.BytesIO()
    image = Image.fromarray(picture(120, 90).frames[0])
    image.save(stream, "JPEG", exif=exif, comment=SECRET, xmp=SECRET, icc_profile=SECRET, **options)
    return stream.getvalue() + SECRET


def opened(tmp_path: Path, data: bytes) -> Explanation:
    path = tmp_path / "photo.jpg"
    path.write_bytes(data)
    media = open_image(path)
    box = (0.0, 0.0, float(media.width), float(media.height))
    return explanation([media], [grid(0, (1, 4, 3), box)])


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 3}])
@pytest.mark.parametrize("orientation", TURNED)
def test_what_is_kept_decodes_to_the_same_pixels_and_tells_nothing(
    tmp_path: Path, orientation: int, options: dict[str, object]
) -> None:
    media = opened(tmp_path, photograph(orientation, **options)).media[0]
    assert media.jpeg is not None
    assert SECRET not in media.jpeg
    again = tmp_path / "again.jpg"
    again.write_bytes(media.jpeg)
    np.testing.assert_array_equal(open_image(again).frames, media.frames)


def test_a_thumbnail_goes() -> None:
    plain = photograph()
    at = plain.index(b"JFIF\0") - 4
    size = int.from_bytes(plain[at + 2 : at + 4], "big")
    thumb = SECRET[:12]
    body = plain[at + 4 : at + 2 + size - 2] + bytes((2, 2)) + thumb
    header = b"\xff\xe0" + (len(body) + 2).to_bytes(2, "big") + body
    assert stripped_jpeg(plain[:at] + header + plain[at + 2 + size :]) == stripped_jpeg(plain)


@pytest.mark.parametrize("cut", [0, 1, 3, 30, 300, 900])
def test_a_damaged_file_is_refused(cut: int) -> None:
    with pytest.raises(ValueError, match="JPEG"):
        stripped_jpeg(photograph()[:cut])


@pytest.mark.parametrize("orientation", TURNED)
def test_a_saved_explanation_and_its_report_hold_the_bytes_themselves(
    tmp_path: Path, orientation: int
) -> None:
    result = opened(tmp_path, photograph(orientation))
    kept = result.media[0].jpeg
    assert kept is not None
    save_explanation(result, tmp_path)
    loaded = load_explanation(tmp_path)
    np.testing.assert_array_equal(loaded.media[0].frames, result.media[0].frames)
    assert loaded.media[0].jpeg == kept
    assert kept in (tmp_path / "explanation.safetensors").read_bytes()
    assert list(embedded_frames(loaded.media)) == [[jpeg_uri(kept)]]


def test_other_frames_are_never_taken_for_the_file(tmp_path: Path) -> None:
    from dataclasses import replace

    media = opened(tmp_path, photograph()).media[0]
    assert replace(media, frames=media.frames[:, ::-1].copy()).jpeg is None
    assert replace(media, name="other").jpeg == media.jpeg


def test_a_picture_that_is_reduced_is_encoded_anew(tmp_path: Path) -> None:
    media = opened(tmp_path, photograph()).media[0]
    (frames,) = embedded_frames([media], largest=60)
    assert frames != [jpeg_uri(media.jpeg or b"")]


@pytest.mark.parametrize("kept", [True, False])
def test_a_photograph_is_reduced_only_where_that_saves_much(kept: bool) -> None:
    height, width = (3000, 4000) if kept else (3000, 5000)
    pixels = np.zeros((height, width, 3), np.uint8)
    ((frame,),) = embedded_frames([image_from_array(pixels)])
    _, data = frame.split(",")
    with Image.open(io.BytesIO(base64.b64decode(data))) as shown:
        assert (shown.width == width) == kept
