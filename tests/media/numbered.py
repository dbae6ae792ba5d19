"""Clips whose frames carry their own number, written through many containers, codecs and flags."""

import multiprocessing
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

HEIGHT, WIDTH = 144, 176  # H.261 knows few sizes
BITS = 10


def painted(number: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """A frame, uint8 [H, W, 3], whose ten bars are the bits of a number."""
    pixels = np.full((height, width, 3), (48, 60, 48), np.uint8)
    for bit in range(BITS):
        if number >> bit & 1:
            left, right = (bit + 0.1) / BITS * width, (bit + 0.9) / BITS * width
            pixels[height // 3 : height * 2 // 3, round(left) : round(right)] = 230
    return pixels


def number_of(pixels: np.ndarray) -> int:
    """The number that is painted in a frame of any size."""
    height, width = pixels.shape[:2]
    band = pixels[int(height * 0.45) : int(height * 0.55)]
    number = 0
    for bit in range(BITS):
        left, right = int((bit + 0.35) / BITS * width), int((bit + 0.65) / BITS * width)
        number |= int(band[:, left : max(right, left + 1)].mean() > 140) << bit
    return number


def numbers_of(frames: Iterable[np.ndarray]) -> list[int]:
    return [number_of(frame) for frame in frames]


@dataclass(frozen=True)
class Kind:
    """How a clip is written.

    Parameters
    ----------
    codec, suffix, container
        Of the encoder, of the file's name, and of the container where the suffix does not tell.
    options
        Of the encoder.
    format
        Of its pixels.
    """

    codec: str
    suffix: str
    container: str | None = None
    options: dict[str, str] = field(default_factory=dict)
    format: str = "yuv420p"

    def __str__(self) -> str:
        flags = "-".join(f"{name}={value}" for name, value in self.options.items())
        return "-".join(filter(None, [self.codec, self.suffix.strip("."), flags]))


H264 = Kind("libx264", ".mp4", options={"preset": "ultrafast"})
B_FRAMES = {"bf": "3", "g": "12", "preset": "veryfast", "b-adapt": "0"}


_APART = ("libvpx", "libsvtav1")
"""Encoders that need a process of their own. VP8's can spin in a process that has run many
decoders, and AV1's gives the whole process real-time priority, which starves other processes."""


def write(
    path: Path,
    numbers: Sequence[int] = range(12),
    kind: Kind = H264,
    *,
    rate: int | Fraction = 25,
    times: Sequence[float] | None = None,
    size: tuple[int, int] = (HEIGHT, WIDTH),
    aspect: Fraction | None = None,
    pictures: Sequence[np.ndarray] | None = None,
) -> Path:
    """Write a clip of painted frames, or of pictures uint8 [H, W, 3 or 4]."""
    wanted = (path, numbers, kind, rate, times, size, aspect, pictures)
    if kind.codec in _APART:
        _in_child(wanted)
    else:
        _encode(*wanted)
    return path


def _in_child(wanted: tuple[Any, ...]) -> None:
    """Encode in a new process."""
    child = multiprocessing.get_context("spawn").Process(target=_encode, args=wanted)
    child.start()
    child.join()
    assert child.exitcode == 0


def _encode(
    path: Path,
    numbers: Sequence[int],
    kind: Kind,
    rate: int | Fraction,
    times: Sequence[float] | None,
    size: tuple[int, int],
    aspect: Fraction | None,
    pictures: Sequence[np.ndarray] | None,
) -> None:
    unit = 1 / Fraction(rate) if times is None else Fraction(1, 1000)
    with av.open(str(path), "w", format=kind.container) as container:
        stream = container.add_stream(kind.codec, rate=rate, options=dict(kind.options))
        stream.height, stream.width = size
        stream.pix_fmt, stream.bit_rate = kind.format, 2_000_000
        if times is not None:
            stream.time_base = stream.codec_context.time_base = unit
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        for index, number in enumerate(numbers):
            pixels = painted(number, *size) if pictures is None else pictures[index]
            kinds = {3: "rgb24", 4: "rgba"}
            frame = av.VideoFrame.from_ndarray(pixels, format=kinds[pixels.shape[2]])
            frame.pts = index if times is None else round(times[index] / unit)
            frame.time_base = unit
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def patched(path: Path, box: bytes, offset: int, value: bytes) -> Path:
    """Overwrite bytes of the first box of a kind in an MP4 file, counted from behind its name."""
    content = bytearray(path.read_bytes())
    place = content.index(box) + len(box) + offset
    content[place : place + len(value)] = value
    path.write_bytes(content)
    return path


def turned(path: Path, a: int, b: int, c: int, d: int) -> Path:
    """Return an MP4 file a display matrix: a point (p, q) is shown at (a p + c q, b p + d q)."""
    one = 1 << 16
    matrix = struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    return patched(path, b"tkhd", 40, matrix)


def write_tracks(path: Path, tracks: Sequence[Sequence[int]], **flags: Any) -> Path:
    """Write several video tracks into one file; ``default`` is the index of the default one."""
    with av.open(str(path), "w") as container:
        streams = []
        for _ in tracks:
            stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
            stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p"
            streams.append(stream)
        if "default" in flags:
            for index, stream in enumerate(streams):
                wanted = av.stream.Disposition.default if index == flags["default"] else 0
                stream.disposition = wanted
        for stream, numbers in zip(streams, tracks, strict=True):
            for index, number in enumerate(numbers):
                frame = av.VideoFrame.from_ndarray(painted(number), format="rgb24")
                frame.pts, frame.time_base = index, Fraction(1, 25)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
    return path
