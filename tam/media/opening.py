"""Opening whatever a person names: a picture, a clip, or a folder of frames."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from tam.defaults import DECODER
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
    decoder: str = DECODER,
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


def open_all(sources: Source | Sequence[Source], **options: Any) -> list[Media]:
    """Open one picture or clip, or each of a list of them.

    Parameters
    ----------
    sources
        One source is as good as a list of one; a path is never taken for a list of letters.
    **options
        As in :func:`open_media`.
    """
    several = sources if isinstance(sources, list | tuple) else [cast(Source, sources)]
    return [open_media(source, **options) for source in several]
