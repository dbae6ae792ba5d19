import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tam.errors import MediaError
from tam.media import open_image


@pytest.mark.promise(
    "pictures",
    "messages that libtiff itself prints about a damaged TIFF",
    "do not reach standard error; everything else does",
)
@pytest.mark.parametrize("compression", ["group4", "tiff_lzw"])
def test_libtiff_prints_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], compression: str
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 64, 3), np.uint8)
    path = tmp_path / "damaged.tif"
    image = Image.fromarray(noise)
    (image.convert("1") if compression == "group4" else image).save(path, compression=compression)
    content = bytearray(path.read_bytes())
    content[8:-400:40] = b"\xff" * len(content[8:-400:40])
    path.write_bytes(content)
    with suppress(OSError), Image.open(path) as plain:
        plain.load()
    assert capfd.readouterr().err, "libtiff itself has nothing to say of this file"
    with suppress(MediaError):
        open_image(path)
    print("heard", file=sys.stderr)
    assert capfd.readouterr().err == "heard\n"
