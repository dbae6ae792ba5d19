"""The pictures of a report: as large as helps, as small as the file should be."""

from collections.abc import Iterator, Sequence
from typing import Final

from tam.errors import InputError
from tam.media.media import Media
from tam.render.resize import resized_media
from tam.report.sprites import jpeg_uri, picture

LARGEST: Final = 4096
"""Long side of a picture in a report, in pixels."""

SCREEN: Final = 1600
"""The same in a small report, enough for a screen."""

SIZES: Final[dict[str, int | None]] = {"full": None, "screen": SCREEN}
"""What a user calls a size, and the long side that it stands for."""

_LARGEST_FRAME: Final = 960

# Bytes of all JPEGs that go in as they are; in Base64 they take a third more.
_BUDGET: Final = 3_500_000
# Bytes that a pixel of a JPEG takes, for what is encoded here: photographs do.
_BYTES_A_PIXEL: Final = 0.3


def embedded_side(embed: str) -> int | None:
    """Give the long side of pictures by the name of a size, for :func:`embedded_frames`.

    Raises
    ------
    InputError
        If there is no such size.
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

    A JPEG goes in with its own bytes where they are few enough and its sides short enough; nothing
    is then encoded. Several pictures share the room that one has.

    Parameters
    ----------
    largest
        Long side that the pictures are reduced to, in pixels; `LARGEST`, or less where there are
        many, if it is None. Frames of clips are never larger than a screen shows.
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
    """Give the long side at which a photograph of this shape takes about so many bytes."""
    long_side = max(item.width, item.height)
    fitting = long_side * (budget / _BYTES_A_PIXEL / (item.width * item.height)) ** 0.5
    return min(LARGEST, max(SCREEN, int(fitting)))
