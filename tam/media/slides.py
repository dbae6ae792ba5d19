"""Open a region of a whole-slide image, at a level of its pyramid, with OpenSlide.

OpenSlide is imported when a slide is opened (``pip install "token-activation-map[slides]"``). The
file name is omitted from the result, because it often contains a patient's name.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np

from tam.errors import MediaError, SetupError
from tam.media.cut import WHOLE, Cut
from tam.media.media import Media

LARGEST: Final = 25_000_000
"""The maximum number of pixels to read if no level is given."""

_MOST: Final = 100_000_000
SUFFIXES: Final = frozenset(
    (".bif .mrxs .ndpi .scn .svs .svslide .vms .vmu").split()  # .tif and .tiff are pictures, too
)


def open_slide(path: str | Path, *, cut: Cut = WHOLE) -> Media:
    """Open a region of a slide.

    Parameters
    ----------
    path
        A file that OpenSlide reads: Aperio, Hamamatsu, Leica, MIRAX, Philips, Trestle, Ventana, and
        tiled TIFF.
    cut
        Its ``region`` and ``level`` are used.

    Raises
    ------
    MediaError
        If it is not a slide, the region or the level is out of range, or it is too large.
    SetupError
        If OpenSlide is not installed.
    """
    try:
        import openslide as library
    except ImportError as error:
        raise SetupError(
            "OpenSlide is not installed",
            where="slides",
            remedy='pip install "token-activation-map[slides]"',
        ) from error
    openslide: Any = library  # the library has no type annotations
    cut.check_fits("a slide", ("region", "level"))
    try:
        with openslide.OpenSlide(path) as slide:
            return _taken(slide, cut)
    except openslide.OpenSlideError as error:
        raise MediaError(
            f"cannot be read as a slide: {error}",
            where=Path(path).name,
            remedy="give another file, or convert it to PNG",
        ) from error


def _taken(slide: Any, cut: Cut) -> Media:
    width, height = slide.dimensions
    left, top, wide, high = cut.region or (0, 0, width, height)
    if left + wide > width or top + high > height:
        raise MediaError(
            f"{left},{top},{wide},{high} does not lie in the slide of {width} × {height} pixels",
            where="region",
            remedy="give left, top, width and height in pixels of its full resolution",
        )
    steps = [float(step) for step in slide.level_downsamples]
    sizes = [(max(1, round(wide / step)), max(1, round(high / step))) for step in steps]
    level = cut.level
    if level is None:
        fitting = (i for i, (w, h) in enumerate(sizes) if w * h <= LARGEST)
        level = next(fitting, len(steps) - 1)
    elif level >= len(steps):
        raise MediaError(
            f"level {level} is out of range (0 to {len(steps) - 1})",
            where="level",
            remedy="give another level",
        )
    size = sizes[level]
    if size[0] * size[1] > _MOST:
        raise MediaError(
            f"{size[0]} × {size[1]} pixels at level {level} are too many",
            where="slide",
            remedy="give a smaller --region or a higher --level",
        )
    read = slide.read_region((left, top), level, size)  # transparent in areas that were not scanned
    alpha = np.asarray(read)[..., 3:] / np.float32(255)
    shown = np.rint(np.asarray(read)[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
    note = (
        f"{wide} × {high} of {width} × {height} pixels from ({left}, {top}), "
        f"level {level} of 0 to {len(steps) - 1}"
    )
    return Media(shown[None], np.zeros(1), "slide", notes=(note,))


def is_slide(path: Path) -> bool:
    """Whether a file has the suffix of a vendor's slide format."""
    return path.suffix.lower() in SUFFIXES
