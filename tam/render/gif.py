"""Write a movie as a GIF, frame by frame, with two frames in memory."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from PIL import GifImagePlugin, Image, ImageChops

from tam.files.marks import PLACEHOLDER
from tam.render.caption import Pixels

_COLORS: Final = 256
_SAMPLES: Final = 72
_TRAILER: Final = b";"


def write_gif(drawn: Iterator[tuple[Pixels, float]], path: Path) -> None:
    """Encode a movie as a looping GIF with 256 colors in each frame.

    Each frame after the first holds only the rectangle that has changed.

    Parameters
    ----------
    drawn
        Pictures, uint8 [H, W, 3] RGB, all of one size, and how long each is shown, in seconds.
    """
    shown, begun = 0.0, 0
    before: Image.Image | None = None
    with path.open("wb") as file:
        for pixels, seconds in drawn:
            page = Image.fromarray(pixels)
            left, top, right, bottom = _changed(before, page)
            part = _reduced(page.crop((left, top, right, bottom)))
            if before is None:
                remarks = {"loop": 0, "comment": PLACEHOLDER.encode(), "duration": 0}
                file.writelines(GifImagePlugin.getheader(part, info=remarks)[0])
            shown += seconds * 100
            # GIF counts in hundredths of a second; browsers slow down frames shorter than two.
            hundredths = max(2, round(shown) - begun)
            begun += hundredths
            written = GifImagePlugin.getdata(
                part,
                (left, top),
                duration=10 * hundredths,
                include_color_table=before is not None,
            )
            file.writelines(written)
            before = page
        file.write(_TRAILER)


def _changed(before: Image.Image | None, page: Image.Image) -> tuple[int, int, int, int]:
    """Return the rectangle in which two pages differ; one pixel if they are equal."""
    if before is None:
        return (0, 0, *page.size)
    return ImageChops.difference(before, page).getbbox() or (0, 0, 1, 1)


def _reduced(page: Image.Image) -> Image.Image:
    """Reduce a page to a palette of 256 colors, chosen from evenly spread pixels."""
    size = min(page.width, _SAMPLES), min(page.height, _SAMPLES)
    sample = page.resize(size, Image.Resampling.NEAREST)
    palette = sample.quantize(_COLORS, Image.Quantize.MAXCOVERAGE)
    return page.quantize(palette=palette, dither=Image.Dither.NONE)
