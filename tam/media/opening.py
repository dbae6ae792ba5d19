"""Open a source of any kind: a picture, a clip, a folder of frames, a volume or a slide."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from tam.defaults import DECODER
from tam.errors import MediaError
from tam.media.animation import is_moving, is_stack
from tam.media.container import NOT_A_VIDEO, many_pictures
from tam.media.cut import WHOLE, Cut
from tam.media.files import MediaFile
from tam.media.image import Source, identified, media_file, open_image, open_picture
from tam.media.media import Media
from tam.media.sampling import Sampling
from tam.media.video import open_video
from tam.media.volume_kind import open_volume, volume_kind


def open_media(
    source: Source,
    *,
    sampling: Sampling | None = None,
    decoder: str = DECODER,
    allow_urls: bool = False,
    kind: str | None = None,
    cut: Cut | None = None,
) -> Media:
    """Open a picture, a clip, a volume or a slide.

    A folder is opened as a clip of the pictures in it. The kind of a file is determined by its
    content, not its suffix, with one exception: slides in vendor formats are recognized by suffix.
    A TIFF is opened as a slide if a region or a level is requested. An animated picture is opened
    as a clip if ``kind`` or ``sampling`` requests one, and a multi-page TIFF as a stack if slices
    or a window are requested; otherwise the first picture is used, and a note says so.

    Parameters
    ----------
    source
        As in :func:`tam.media.open_image`.
    sampling, decoder
        Options for clips, as in :func:`tam.media.open_video`.
    allow_urls
        Whether to fetch pictures and clips from http(s) addresses.
    kind
        ``"image"`` or ``"video"`` to require that kind; as a clip, a picture has one frame.
    cut
        The part of a volume, a stack or a slide to use.

    Raises
    ------
    MediaError
        If the source cannot be used, is a clip where a picture is required, or is a file to which
        ``cut`` does not apply.
    SetupError
        If the decoder is not installed.
    """
    if isinstance(source, Media):
        # A size limit was already applied when the picture was opened.
        media = open_image(source, max_pixels=source.width * source.height)
    elif not isinstance(source, str | Path):
        media = open_image(source)
    else:
        media = _open_file(source, sampling, decoder, allow_urls, kind, cut or WHOLE)
    if kind == "image" and media.kind == "video":
        raise MediaError(
            "is a clip where a picture is wanted",
            where=media.name,
            remedy="give it as a video, or give one of its frames",
        )
    return media


def _open_file(
    source: str | Path,
    sampling: Sampling | None,
    decoder: str,
    allow_urls: bool,
    kind: str | None,
    cut: Cut,
) -> Media:
    file, most = media_file(source, allow_urls=allow_urls), (sampling or Sampling()).max_frames
    if file.path is not None and str(source).strip():
        volume = volume_kind(file.path, cut)
        if volume:
            return open_volume(file.path, volume, cut, most)
        if _is_folder(file.path):
            return open_video(file.path, sampling, backend=decoder)
    with file.opened() as stream:
        image = identified(stream, file.where)
        if image is not None:
            with image:
                if cut != WHOLE and kind != "image" and file.path and is_stack(image):
                    return open_volume(file.path, "pages", cut, most)
                _check_whole(file, cut)
                moving = is_moving(image) and (sampling is not None or kind == "video")
                many = image.format == "JPEG" and many_pictures(stream)
                clip = moving or kind == "video" or many
                if kind == "image" or not clip:
                    stream.seek(0)
                    return open_picture(file, stream)
    _check_whole(file, cut)
    try:
        return open_video(file, sampling, backend=decoder)
    except MediaError as error:
        if image is None and error.what.startswith(NOT_A_VIDEO):
            raise _unknown(file) from error
        raise


def _check_whole(file: MediaFile, cut: Cut) -> None:
    """Refuse a cut of a file that is not a volume, a stack or a slide."""
    cut.check_fits(f"{file.name}, a picture or clip,", ())


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _unknown(file: MediaFile) -> MediaError:
    return MediaError(
        "is neither a picture nor a clip in a known format",
        where=file.where,
        remedy="convert it to PNG, JPEG or MP4 (H.264)",
    )


def open_all(sources: Source | Sequence[Source], **options: Any) -> list[Media]:
    """Open one picture or clip, or each of a list of them.

    Parameters
    ----------
    sources
        A source, or a list of sources; a path counts as one source.
    **options
        As in :func:`open_media`.
    """
    several = sources if isinstance(sources, list | tuple) else [cast(Source, sources)]
    return [open_media(source, **options) for source in several]
