"""Media: a decoded picture or clip, on which all other packages work."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tam.errors import MediaError
from tam.media.axis import TIME, Axis

SCENE_MARK: Final = "tam.scenes"
"""The comment in PNG files drawn by the toolkit's scene generator."""


@dataclass(frozen=True, eq=False, repr=False)
class Encoded:
    """The file that pixels were decoded from, kept so that it can be written unchanged.

    Parameters
    ----------
    jpeg
        A JPEG without metadata, see :mod:`tam.media.jpeg`.
    frames
        The array that it decodes to.
    """

    jpeg: bytes
    frames: NDArray[np.uint8]


@dataclass(frozen=True, eq=False, repr=False)
class Media:
    """A decoded picture or clip.

    Parameters
    ----------
    frames
        uint8 [T, H, W, 3], RGB, upright (with any EXIF orientation already applied). T = 1 for a
        picture.
    times
        float64 [T]: the time of each frame in seconds; zero for a picture.
    name
        Its display name; never used as a path.
    kind
        ``"image"`` or ``"video"``: the input of the processor that receives it.
    notes
        Notes for the reader of an explanation, such as on damaged frames.
    encoded
        The JPEG that a picture was decoded from; None if there is none or it was not kept.
    drawn
        Whether its file says that the toolkit's scene generator drew it.
    axis
        The axis of the frames; for a volume, ``times`` are places on it.

    Raises
    ------
    MediaError
        If the frames are not uint8 [T, H, W, 3] with no empty axis, or the times do not match.
    """

    frames: NDArray[np.uint8]
    times: NDArray[np.float64]
    name: str
    kind: str = "image"
    notes: tuple[str, ...] = ()
    encoded: Encoded | None = None
    drawn: bool = False
    axis: Axis = TIME

    def __post_init__(self) -> None:
        shape = self.frames.shape
        if self.frames.dtype != np.uint8 or len(shape) != 4 or shape[3] != 3 or 0 in shape:
            raise MediaError(
                f"frames are {self.frames.dtype} {list(shape)}, not uint8 [T, H, W, 3]",
                where=self.name,
                remedy="convert to 8-bit RGB first",
            )
        if self.times.shape != shape[:1]:
            raise MediaError(
                f"{len(self.times)} times for {shape[0]} frames",
                where=self.name,
                remedy="give one time in seconds for each frame",
            )
        if self.kind not in ("image", "video"):
            raise MediaError(
                f"unknown kind {self.kind!r}", where=self.name, remedy="use 'image' or 'video'"
            )

    @property
    def jpeg(self) -> bytes | None:
        """The JPEG of its only frame; None if the frames were not decoded from one."""
        if self.encoded is None or self.encoded.frames is not self.frames:
            return None
        return self.encoded.jpeg

    @property
    def seconds(self) -> NDArray[np.float64]:
        """float64 [T]: when to show each frame; a volume shows one slice every half second."""
        return self.times if self.axis.is_time else np.arange(len(self.times)) / 2

    def place(self, frame: int) -> str:
        """Describe a frame by its number, counted from 1, and its time or place."""
        return self.axis.told(frame, float(self.times[frame]))

    @property
    def height(self) -> int:
        """Height H in pixels."""
        return int(self.frames.shape[1])

    @property
    def width(self) -> int:
        """Width W in pixels."""
        return int(self.frames.shape[2])

    def __repr__(self) -> str:
        steps = f"{len(self.frames)} {self.axis.frame}s"
        clip = f", {steps} to {self.times[-1]:.2f} s" if self.axis.is_time else f", {steps}"
        size = f"{self.width} × {self.height} pixels"
        return f"<Media {self.name!r}: {self.kind}, {size}{clip if self.kind == 'video' else ''}>"


def image_from_array(pixels: NDArray[np.uint8], name: str = "image") -> Media:
    """Wrap one decoded picture, uint8 [H, W, 3] RGB or uint8 [H, W] grey.

    Raises
    ------
    MediaError
        If the array has another dtype or shape.
    """
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)
    return Media(frames=pixels[None], times=np.zeros(1), name=name)
