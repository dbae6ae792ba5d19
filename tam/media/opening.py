"""Opening whatever a person names: a picture, a clip, or a folder of frames."""

from pathlib import Path

from tam.media.image import Source, open_image
from tam.media.media import Media
from tam.media.video import Sampling, open_video

VIDEO_SUFFIXES = frozenset(
    ".3gp .avi .flv .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .ogv .ts .webm .wmv".split()
)


def open_media(
    source: Source,
    *,
    sampling: Sampling | None = None,
    decoder: str = "pyav",
    allow_urls: bool = False,
) -> Media:
    """Open a picture or a clip.

    A folder is a clip of the pictures in it; a file is a clip by its suffix (``VIDEO_SUFFIXES``)
    and a picture otherwise. Of an animated picture the first frame is taken.

    Parameters
    ----------
    source
        See :func:`tam.media.open_image`.
    sampling, decoder
        For clips, see :func:`tam.media.open_video`.
    allow_urls
        Fetch pictures from http(s) addresses.

    Raises
    ------
    MediaError
        If it cannot be used.
    SetupError
        If the decoder is not on this machine.
    """
    if isinstance(source, Media):
        # Whoever opened it chose its limit.
        return open_image(source, max_pixels=source.width * source.height)
    if isinstance(source, str | Path) and "://" not in str(source) and str(source).strip():
        path = Path(source)
        if path.is_dir() or path.suffix.lower() in VIDEO_SUFFIXES:
            return open_video(path, sampling, backend=decoder)
    return open_image(source, allow_urls=allow_urls)
