"""Embed the pictures of a report, at a size that keeps the file small."""

from collections.abc import Iterator, Sequence
from typing import Final

from tam.errors import InputError
from tam.media.media import Media
from tam.render.resize import resized_media
from tam.report.sprites import jpeg_uri, picture

LARGEST: Final = 4096
"""The longest side of a picture in a report, in pixels."""

SCREEN: Final = 1600
"""The same for a small report, which is enough for a screen."""

SIZES: Final[dict[str, int | None]] = {"full": None, "screen": SCREEN}
"""The long side in pixels of each named size; None for the default."""

_LARGEST_FRAME: Final = 960

# The limit in bytes on all JPEGs embedded unchanged; in Base64 they take a third more.
_BUDGET: Final = 3_500_000
# Bytes per pixel of JPEGs encoded here, measured on photographs.
_BYTES_A_PIXEL: Final = 0.3
# A picture is not scaled by a factor above this, which takes longer than encoding and saves little.
_WORTHWHILE: Final = 0.97


def embedded_side(embed: str) -> int | None:
    """Return the long side that a named size stands for, for :func:`embedded_frames`.

    Raises
    ------
    InputError
        If the size is unknown.
    """
    if embed not in SIZES:
        raise InputError(
            f"unknown size of pictures {embed!r}",
            where="embed",
            remedy=f"use one of {', '.join(SIZES)}",
        )
    return SIZES[embed]


def embedded_frames(media: Sequence[Media], largest: int | None = None) -> Iterator[list[str]]:
    """Encode the frames of all pictures and clips as data URIs.

    A JPEG is embedded unchanged, without encoding it again, if it is small enough in bytes and in
    pixels. Several pictures share the budget of one.

    Parameters
    ----------
    largest
        Long side to which the pictures are reduced, in pixels; None for `LARGEST`, or less if
        there are many. Frames of clips are never larger than a screen.
    """
    clip = any(len(item.frames) > 1 for item in media)
    budget = _BUDGET / max(1, len(media))
    for item in media:
        if clip:
            side = min(largest or _LARGEST_FRAME, _LARGEST_FRAME)
        else:
            side = largest or _side(item, budget)
        own = item.jpeg
        if own and len(own) <= budget and max(item.width, item.height) <= (largest or LARGEST):
            yield [jpeg_uri(own)]
        else:
            yield [picture(frame) for frame in resized_media(item, largest=side).frames]


def _side(item: Media, budget: float) -> int:
    """Return the long side at which a photograph of this shape takes about ``budget`` bytes."""
    long_side = max(item.width, item.height)
    scale = (budget / _BYTES_A_PIXEL / (item.width * item.height)) ** 0.5
    if scale > _WORTHWHILE and long_side <= LARGEST:
        return long_side
    return min(LARGEST, max(SCREEN, int(long_side * scale)))
