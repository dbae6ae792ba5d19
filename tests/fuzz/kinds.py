"""What is mutated, and how it is read: one entry for each kind of file."""

import shutil
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from tam.files.storage import JSON_NAME, TENSORS_NAME, load_explanation, save_explanation
from tam.media import Sampling, open_media, open_video
from tests.fuzz.mutate import mutated, mutated_saved
from tests.hand_made import explanation, several, with_grounding, with_stages
from tests.media.numbered import B_FRAMES, Kind, painted, write

SECONDS, MEGABYTES = 10.0, 1024
"""What one file may take."""


@dataclass(frozen=True)
class Fuzzed:
    """A kind of file.

    Parameters
    ----------
    originals
        Writes small files without fault into a folder.
    read
        Reads one of them, mutated; raises a TamError where it cannot.
    long
        How many mutated ones the long form tries.
    mutate
        Damages the content of one.
    """

    originals: Callable[[Path], list[Path]]
    read: Callable[[Path], object]
    long: int
    mutate: Callable[[bytes, np.random.Generator], bytes] = mutated


def _pictures(folder: Path) -> list[Path]:
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8))
    drawn = Image.fromarray(painted(341, 96, 128))
    files = []
    for suffix in ("png", "jpg", "gif", "webp", "tif", "bmp", "jp2", "ppm", "avif"):
        for name, image in (("noise", noise), ("drawn", drawn)):
            files.append(folder / f"{name}.{suffix}")
            image.save(files[-1])
    deep = Image.fromarray(np.linspace(0, 65535, 2400).astype(np.uint16).reshape(40, 60))
    palette = drawn.quantize(16)
    more = {
        "deep.png": partial(deep.save),
        "deep.tif": partial(deep.save, compression="tiff_lzw"),
        "packed.tif": partial(noise.save, compression="jpeg"),
        "fax.tif": partial(drawn.convert("1").save, compression="group4"),
        "palette.png": partial(palette.save, transparency=3),
        "progressive.jpg": partial(noise.save, progressive=True, exif=_turned()),
    }
    moving = [Image.fromarray(painted(number, 48, 64)) for number in range(6)]
    for suffix in ("gif", "png", "webp", "tif"):
        more[f"moving.{suffix}"] = partial(
            moving[0].save, save_all=True, append_images=moving[1:], duration=40
        )
    for name, save in more.items():
        save(folder / name)
        files.append(folder / name)
    return files


def _turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


_CLIPS = (
    Kind("libx264", ".mp4", options=B_FRAMES),
    Kind("libx264", ".mkv", options=B_FRAMES),
    Kind("libx264", ".avi", options=B_FRAMES),
    Kind("libx264", ".ts", options=B_FRAMES),
    Kind("libx264", ".flv", options=B_FRAMES),
    Kind("libx264", ".h264", "h264", options=B_FRAMES),
    Kind("libx265", ".mp4", options={"preset": "ultrafast", "x265-params": "log-level=none"}),
    Kind("mpeg4", ".avi", options={"bf": "2"}),
    Kind("mpeg4", ".3gp"),
    Kind("mpeg2video", ".mpg", options={"bf": "2"}),
    Kind("mpeg2video", ".mxf"),
    Kind("libvpx", ".webm", options={"cpu-used": "8"}),
    Kind("libvpx-vp9", ".webm", options={"cpu-used": "8", "deadline": "realtime"}),
    Kind("mjpeg", ".avi", format="yuvj420p"),
    Kind("wmv2", ".wmv"),
    Kind("ffv1", ".mkv", format="bgra"),
    Kind("qtrle", ".mov", format="argb"),
)


def _clips(folder: Path) -> list[Path]:
    files = []
    for number, kind in enumerate(_CLIPS):
        path = folder / f"{number}{kind.suffix}"
        files.append(write(path, range(16), kind, size=(96, 128)))
    long_table = (folder / "0.mp4").read_bytes()
    place = long_table.index(b"stts") + 12
    path = folder / "table.mp4"
    path.write_bytes(long_table[:place] + struct.pack(">I", 0xFFFFFF00) + long_table[place + 4 :])
    return [*files, path]


def _read_picture(path: Path) -> None:
    open_media(path)
    if path.stem == "moving":
        open_media(path, kind="video")


def _read_clip(path: Path, backend: str) -> None:
    open_video(path, Sampling(num_frames=4), backend=backend)


def _saved(folder: Path) -> list[Path]:
    """Write the two files of saved explanations, each under a name that says which is which."""
    files = []
    for number, made in enumerate((explanation(), with_stages(with_grounding(several(), [0.5])))):
        place = folder.with_name(f"saved-{number}")
        place.mkdir()
        save_explanation(made, place)
        for name in (JSON_NAME, TENSORS_NAME):
            files.append(folder / f"{number}{Path(name).suffix}")
            (place / name).rename(files[-1])
    return files


def _read_saved(path: Path) -> None:
    """Open a mutated file with the other one of its explanation, which is as it was."""
    place = path.with_name("explanation")
    place.mkdir(exist_ok=True)
    for name in (JSON_NAME, TENSORS_NAME):
        file = path.with_suffix(Path(name).suffix)
        whole = path.parent.with_name("originals") / file.name
        shutil.copyfile(path if file == path else whole, place / name)
    load_explanation(place)


KINDS = {
    "pictures": Fuzzed(_pictures, _read_picture, 3_000),
    "clips-pyav": Fuzzed(_clips, partial(_read_clip, backend="pyav"), 1_500),
    "clips-decord": Fuzzed(_clips, partial(_read_clip, backend="decord"), 1_500),
    "clips-opencv": Fuzzed(_clips, partial(_read_clip, backend="opencv"), 1_500),
    "saved": Fuzzed(_saved, _read_saved, 5_000, mutated_saved),
}
"""Another kind of file is one more entry."""
