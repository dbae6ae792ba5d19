"""Draw a word's map in the terminal: two pixels per character, or shades if there is no color."""

from dataclasses import replace
from typing import Final

import numpy as np
from PIL import Image
from rich.color import Color
from rich.console import Console
from rich.style import Style
from rich.text import Text

from tam.explanation.word import Word
from tam.render.caption import Pixels
from tam.render.colors import color
from tam.render.pictures import overlays, shown_media, strongest_frame
from tam.render.resize import resized
from tam.text.printable import printable

_WIDEST: Final = 72
_HIGHEST: Final = 20
_NARROWEST: Final = 16
_BLOCK: Final = "▀"
_SHADES: Final = " ░▒▓█"
_PLAIN_SHADES: Final = " .:-=+*#%@"
_BARS: Final = "▁▂▃▄▅▆▇█"
_PLAIN_BARS: Final = "0123456789"


def print_map(word: Word, console: Console) -> None:
    """Print the lines of :func:`word_map`, cut at the width of the console."""
    for line in word_map(word, console):
        console.print(line, no_wrap=True, overflow="ellipsis")


def word_map(word: Word, console: Console) -> list[Text]:
    """Draw a word's map over each picture, and its curve over each clip.

    Terminals with true color or 256 colors show the picture under the map, in half blocks. Others
    show only the map, in shades, or in ASCII if they do not support Unicode. The map is never wider
    than the console; with fewer than sixteen columns nothing is drawn.
    """
    if console.width < _NARROWEST:
        return []
    explanation = word.explanation
    lines = []
    for media in shown_media(explanation):
        item = explanation.media[media]
        frame = strongest_frame(word, media)
        size = _size(item.width, item.height, console.width)
        title = printable(item.name).replace("\n", " ")
        if len(item.frames) > 1:
            title += f", {item.place(frame)}"
        lines.append(Text(title, "dim"))
        drawn = _in_color if _has_colors(console) else _in_shades
        lines += drawn(word, media, frame, size, console)
        if len(item.frames) > 1:
            lines.append(_curve(word, media, console))
    return lines


def _size(width: int, height: int, room: int) -> tuple[int, int]:
    """Return columns and rows of characters for a picture; characters are twice as high as wide."""
    columns = min(_WIDEST, room, max(1, round(_HIGHEST * 2 * width / height)))
    return columns, max(1, round(columns * height / width / 2))


def _has_colors(console: Console) -> bool:
    return (
        console.color_system in ("truecolor", "256") and not console.no_color and _unicode(console)
    )


def _unicode(console: Console) -> bool:
    return console.encoding.lower().startswith("utf")


def _in_color(
    word: Word, media: int, frame: int, size: tuple[int, int], console: Console
) -> list[Text]:
    columns, rows = size
    small = resized(word.explanation, largest=4 * max(columns, 2 * rows))
    pixels = overlays(replace(word, explanation=small), {media: frame})
    drawn = np.asarray(Image.fromarray(pixels).resize((columns, 2 * rows), Image.Resampling.BOX))
    return [*_half_blocks(drawn), _ramp(min(console.width, 24))]


def _half_blocks(pixels: Pixels) -> list[Text]:
    lines = []
    for upper, lower in zip(pixels[::2].tolist(), pixels[1::2].tolist(), strict=True):
        line = Text()
        for above, below in zip(upper, lower, strict=True):
            line.append(_BLOCK, Style(color=Color.from_rgb(*above), bgcolor=Color.from_rgb(*below)))
        lines.append(line)
    return lines


def _ramp(columns: int) -> Text:
    line = Text("0 ")
    for shade in color(np.linspace(0, 1, columns - 4, dtype=np.float32)).tolist():
        line.append("█", Style(color=Color.from_rgb(*shade)))
    return line.append(" 1")


def _in_shades(
    word: Word, media: int, frame: int, size: tuple[int, int], console: Console
) -> list[Text]:
    heat = Image.fromarray(np.nan_to_num(word.map(media, frame))).resize(size, Image.Resampling.BOX)
    shades = _SHADES if _unicode(console) else _PLAIN_SHADES
    place = np.rint(np.clip(np.asarray(heat), 0, 1) * (len(shades) - 1)).astype(int)
    edge = "|" if not _unicode(console) else "▏"
    lines = [Text("".join(shades[p] for p in row)) for row in place.tolist()]
    return [*lines, Text(f"0 {edge}{shades}{edge} 1", "dim")]


def _curve(word: Word, media: int, console: Console) -> Text:
    bars = _BARS if _unicode(console) else _PLAIN_BARS
    curve = np.clip(np.nan_to_num(word.over_time(media)), 0, 1)
    place = np.rint(curve * (len(bars) - 1)).astype(int).tolist()
    return Text("over time ", "dim").append("".join(bars[p] for p in place))
