"""Figures for papers: the maps of chosen words in a row or a grid, on a common scale."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tam.errors import InputError, SetupError
from tam.explanation.explanation import Explanation
from tam.explanation.word import Choice, Word
from tam.render.colors import DEFAULT_COLORS, color
from tam.render.lettering import font_for, shortened, spelled
from tam.render.pictures import OPACITY, overlay, shown_media, strongest_frame
from tam.render.resize import resized
from tam.render.selection import chosen_words
from tam.text.printable import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_COLUMNS: Final = 6
_CELL: Final = 1.6
_TITLE: Final = 0.3
_BAR: Final = 0.6
_PAD: Final = 0.03
_DOTS: Final = 300
_LETTERS: Final = 8
_INK: Final = "#202124"
_FAINT: Final = "#70706c"


def plot(
    explanation: Explanation,
    words: Sequence[Choice] | None = None,
    *,
    media: int | Sequence[int] | None = None,
    frame: int | None = None,
    columns: int | None = None,
    cell: float = _CELL,
    opacity: float = OPACITY,
    colors: str = DEFAULT_COLORS,
    probabilities: bool = True,
) -> "Figure":
    """Draw the maps of chosen words as a matplotlib figure.

    All maps share one scale from 0 to 1, shown by a color bar. No display is needed: ``savefig``
    writes PNG, PDF or SVG; in the last two, text remains text.

    Parameters
    ----------
    words
        As in :func:`tam.render.selection.chosen_words`.
    media
        Index of the picture or clip, or several indices, which give one row each with the words in
        columns. None for all that have a map.
    frame
        Index of a clip's frame; None for the one where the word's map is highest.
    columns
        The number of words in a row if there is one picture; None for up to six.
    cell
        Width of a picture in inches.
    opacity, colors
        As in :func:`tam.render.overlay`.
    probabilities
        Whether to show the words' probabilities beside them.

    Returns
    -------
    A figure without a window, independent of pyplot. A notebook displays it if it is the last
    expression in a cell.

    Raises
    ------
    InputError
        If a word, the picture or the color map is unknown, or a size is not positive.
    SetupError
        If matplotlib is not installed.
    """
    if not cell > 0 or (columns is not None and columns < 1):
        raise InputError(
            f"cells of {cell} inches in {columns} columns", where="plot", remedy="give more than 0"
        )
    figure_class = _figure_class()
    chosen = chosen_words(explanation, words)
    wanted = [media] if media is None or isinstance(media, int) else media
    shown = [index for one in wanted for index in shown_media(explanation, one)]
    small = resized(explanation, largest=max(16, round(cell * _DOTS)))
    rows = [[(word, index) for word in chosen_words(small, chosen)] for index in shown]
    if len(shown) == 1:
        width = min(columns or _MOST_COLUMNS, len(chosen))
        rows = [rows[0][at : at + width] for at in range(0, len(chosen), width)]
    heights = [cell * _aspect(explanation, row[0][1]) + _TITLE for row in rows]
    size = (len(rows[0]) * cell + _BAR, sum(heights))
    figure: Figure = figure_class(figsize=size)
    axes = figure.subplots(
        len(rows), len(rows[0]), squeeze=False, gridspec_kw={"height_ratios": heights}
    )
    for row, places in zip(rows, axes, strict=True):
        for place in places[len(row) :]:
            place.set_axis_off()
        for (word, index), place in zip(row, places, strict=False):
            moment = strongest_frame(word, index) if frame is None else frame
            _draw(place, word, index, moment, opacity, colors)
            _label(place, word, index, moment, cell, probabilities)
    _color_bar(figure, axes, colors)
    return figure


def _figure_class() -> Any:
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
        from matplotlib.layout_engine import ConstrainedLayoutEngine
    except ImportError as error:
        raise SetupError(
            "matplotlib is not installed", where="plot", remedy="pip install matplotlib"
        ) from error

    class MapFigure(Figure):
        """A figure that a notebook displays, and that keeps text as text when saved."""

        def __init__(self, **options: Any) -> None:
            super().__init__(layout=ConstrainedLayoutEngine(w_pad=_PAD, h_pad=_PAD), **options)

        def savefig(self, *arguments: Any, **options: Any) -> None:
            # Journals refuse matplotlib's default, Type 3; outlines are not searchable.
            with rc_context({"pdf.fonttype": 42, "svg.fonttype": "none"}):
                super().savefig(*arguments, **options)

        def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
            stream = io.BytesIO()
            self.savefig(stream, format="png", dpi=2 * self.dpi)
            width, height = (round(side * self.dpi) for side in self.get_size_inches())
            return stream.getvalue(), {"width": width, "height": height}

    return MapFigure


def _aspect(explanation: Explanation, media: int) -> float:
    return explanation.media[media].height / explanation.media[media].width


def _draw(axes: "Axes", word: Word, media: int, frame: int, opacity: float, colors: str) -> None:
    explanation = word.explanation
    pixels = overlay(
        explanation.media[media].frames[frame],
        word.map(media, frame),
        opacity=opacity,
        colors=colors,
        covered=explanation.coverage(media),
    )
    axes.imshow(pixels)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def _label(
    axes: "Axes", word: Word, media: int, frame: int, cell: float, probabilities: bool
) -> None:
    text = spelled(word.text)
    # Pillow's own font is not a file; matplotlib's default has all of its characters.
    font = font_for(text, 16)
    path = getattr(font, "path", None)
    family: dict[str, Any] = {"font": Path(path)} if isinstance(path, str) else {}
    label = percent(word.probability) if probabilities and word.probability is not None else ""
    # Convert points to the pixels in which Pillow measures; matplotlib's own font is wider.
    room = (cell * 72 - (len(label) + 1) * _LETTERS * 0.65) * 16 / _LETTERS / 1.2
    text = shortened(text, room, font)
    common: dict[str, Any] = {"fontsize": _LETTERS, "pad": 3}
    # Dollar signs in a word do not mark a formula.
    axes.set_title(text, loc="left", color=_INK, parse_math=False, **family, **common)
    axes.set_title(label, loc="right", color=_FAINT, **common)
    item = word.explanation.media[media]
    if len(item.frames) > 1:
        axes.set_xlabel(
            f"{item.times[frame]:.2f} s" if item.axis.is_time else item.place(frame),
            fontsize=_LETTERS,
            color=_FAINT,
            labelpad=2,
        )


def _color_bar(figure: "Figure", axes: Any, colors: str) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap

    table = color(np.linspace(0, 1, 256, dtype=np.float32), colors) / 255
    scale = ScalarMappable(cmap=ListedColormap(table))
    shrink = min(0.8, 1.5 / figure.get_size_inches()[1])
    bar = figure.colorbar(scale, ax=axes, aspect=14, shrink=shrink)
    bar.set_ticks([0, 0.5, 1], labels=["0", "0.5", "1"], fontsize=_LETTERS, color=_FAINT)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0)
