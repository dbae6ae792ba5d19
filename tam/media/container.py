"""Open clips with PyAV: accepted formats, the video track, and its properties."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import cache
from typing import Any, BinaryIO

from tam.errors import MediaError
from tam.media.files import MediaFile

MAX_FRAME_PIXELS = 36_000_000
"""The maximum size of a frame: 8K, 8192 × 4320. A decoder may hold up to 17 frames."""

# Refused formats: those that refer to other files or devices or render text, and still pictures.
_REFUSED = frozenset(
    "alias_pix alsa avisynth brender_pix concat dash fbdev hls image2 image2pipe imf kmsgrab lavfi "
    "oss rtp rtsp sap sdp vapoursynth video4linux2,v4l2 vobsub webm_dash_manifest x11grab "
    "adf bin idf tty xbin ico".split()
)
_RAW_SUFFIXES = frozenset(
    ".264 .avc .av1 .cavs .dnxhd .drc .dv .h261 .h263 .h264 .h265 .hevc .m1v .m2v .m4v .mjpeg "
    ".mjpg .mpv .obu .vc1 .vc2 .vvc .y4m".split()
)
"""Suffixes of streams without a container, whose content may look like another format."""
_RAW_FORMATS = frozenset(
    "av1 avs2 avs3 cavsvideo dirac dnxhd evc h261 h263 h264 hevc m4v mjpeg mjpeg_2000 mpegvideo "
    "mpjpeg obu vc1 vvc".split()
)
_HEADS = {b"\xff\xd8\xff": "JPEG", b"\x89PNG": "PNG", b"GIF8": "GIF", b"BM": "BMP"}
_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), "HEIC"),
    **dict.fromkeys((b"mif1", b"msf1"), "HEIF"),
}
NOT_A_VIDEO = "cannot be read as a video"
"""The beginning of the error message for a file that FFmpeg cannot read."""

_SEARCHED = 2**25
"""How many bytes are searched for a second and third picture."""


@contextmanager
def opened_track(file: MediaFile) -> Iterator[tuple[Any, Any]]:
    """Open a clip for one pass over its video.

    FFmpeg is given the content, never the path, which it could interpret as a URL. Otherwise it
    would also open the files that a playlist names.

    Returns
    -------
    container, stream
        PyAV's objects.

    Raises
    ------
    MediaError
        If the clip cannot be opened, holds no video, or its codec is unknown.
    """
    import av

    with file.opened() as stream:
        pictures = many_pictures(stream)
        if not pictures and (still := _still(stream)):
            raise MediaError(
                f"is a picture ({still}) that is damaged or cannot be read here",
                where=file.where,
                remedy="convert it to PNG or JPEG",
            )
        try:
            container = av.open(
                _Named(stream, file.suffix),
                # FFmpeg would otherwise read only the first picture.
                format="mjpeg" if pictures else None,
                metadata_errors="replace",
                options={"format_whitelist": _formats(), "protocol_whitelist": "none"},
            )
        except failures() as error:
            raise unreadable(file, error) from error
        with container:
            yield container, _track(container, file)


def unreadable(file: MediaFile, error: Exception) -> MediaError:
    """Return the error for a file that FFmpeg cannot read."""
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return MediaError(
        f"{NOT_A_VIDEO} ({reason})",
        where=file.where,
        remedy="get the file again, or convert it to MP4 (H.264)",
    )


def failures() -> tuple[type[Exception], ...]:
    """Return PyAV's exceptions for a file that is damaged or cannot be read to its end."""
    import av

    return (av.error.FFmpegError, OSError, ValueError, OverflowError)


def many_pictures(stream: BinaryIO) -> bool:
    """Whether a file is a sequence of JPEG pictures (Motion JPEG)."""
    place = stream.tell()
    stream.seek(0)
    content = stream.read(_SEARCHED)
    stream.seek(place)
    # A single picture may contain a thumbnail or be followed by a second view.
    return content.startswith(b"\xff\xd8\xff") and content.count(b"\xff\xd9\xff\xd8\xff") > 1


def _still(stream: BinaryIO) -> str:
    """Return the format of a still picture that FFmpeg would read as a clip; empty for others."""
    head = stream.read(16)
    stream.seek(0)
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "")
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    return next((kind for start, kind in _HEADS.items() if head.startswith(start)), "")


class _Named:
    """A file object whose name reveals only the suffix of a raw stream to FFmpeg."""

    def __init__(self, stream: BinaryIO, suffix: str) -> None:
        self.name = f"clip{suffix}" if suffix in _RAW_SUFFIXES else "clip"
        self.read, self.tell, self._stream = stream.read, stream.tell, stream

    def seek(self, offset: int, whence: int = 0) -> int:
        try:
            return self._stream.seek(offset, whence)
        except (OSError, ValueError, OverflowError):
            return -1  # FFmpeg's value for an invalid position


@cache
def _formats() -> str:
    import av

    known = (name for name in av.formats_available if not name.endswith("_pipe"))
    return ",".join(sorted(set(known) - _REFUSED))


def _track(container: Any, file: MediaFile) -> Any:
    """Return the track that players show: the default one, else the first; never a cover."""
    tracks = moving_tracks(container)
    if not tracks:
        covers = len(container.streams.video)
        raise MediaError(
            "holds sound and a cover picture, but no video" if covers else "holds no video",
            where=file.where,
            remedy="give a video file",
        )
    stream = next((track for track in tracks if _is(track, "default")), tracks[0])
    context = stream.codec_context
    if context is None:
        raise MediaError(
            f"its video codec{_codec_tag(stream)} is unknown to this machine's FFmpeg",
            where=file.where,
            remedy="convert it to MP4 (H.264)",
        )
    if context.width * context.height > MAX_FRAME_PIXELS:
        raise MediaError(
            f"frames of {context.width} × {context.height} pixels are too large",
            where=file.where,
            remedy="make the clip smaller",
        )
    # A damaged header within the stream may state any size.
    context.options = {"max_pixels": str(MAX_FRAME_PIXELS)}
    return stream


def moving_tracks(container: Any) -> list[Any]:
    """Return the video tracks of a container, without cover and preview pictures."""
    stills = ("attached_pic", "timed_thumbnails", "still_image")
    return [
        track for track in container.streams.video if not any(_is(track, still) for still in stills)
    ]


def _is(track: Any, name: str) -> bool:
    import av

    flag = getattr(av.stream.Disposition, name, None)
    return flag is not None and bool(track.disposition & flag)


def _codec_tag(stream: Any) -> str:
    tag = getattr(stream, "codec_tag", "") or ""
    return f" {tag!r}" if isinstance(tag, str) and tag.isprintable() and tag.strip() else ""


def rate_of(stream: Any) -> float:
    """Return the frame rate that a track states, or 25."""
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate and 0 < rate <= 1000:
            return float(rate)
    return 25.0


def pixel_shape(stream: Any) -> Fraction:
    """Return the pixel aspect ratio, width over height; 1 if the track states none or nonsense."""
    shape = stream.sample_aspect_ratio or Fraction(1)
    return Fraction(shape) if Fraction(1, 8) <= shape <= 8 else Fraction(1)


def stamp_field(container: Any, stream: Any) -> str:
    """Return the field of a decoded frame that holds its time: ``"pts"``, ``"dts"`` or ``""``.

    A raw stream has no time stamps, so FFmpeg makes them up. AVI numbers the frames in the order in
    which they are stored, which is ``dts``; for reordered frames FFmpeg guesses ``pts`` from it.
    """
    if container.format.name in _RAW_FORMATS:
        return ""
    reordered = container.format.name == "avi" and stream.codec_context.has_b_frames
    return "dts" if reordered else "pts"


def is_broadcast(container: Any) -> bool:
    """Whether the format allows its time stamps to jump (MPEG transport and program streams)."""
    return container.format.name in ("mpegts", "mpeg")
