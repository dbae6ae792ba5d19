"""How much of a word's evidence is visual, and where in which picture it is strongest."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tam.explanation.explanation import Explanation
from tam.explanation.word import Word
from tam.geometry.layout import VisionGrid
from tam.geometry.upsample import coverage, upsample
from tam.media.media import Media


@dataclass(frozen=True)
class Peak:
    """Where a word's map is highest.

    Parameters
    ----------
    media, frame
        Which picture or clip, and which of its frames.
    x, y
        The pixel, in the original picture.
    value
        The map there, in [0, 1].
    """

    media: int
    frame: int
    x: int
    y: int
    value: float


@dataclass(frozen=True)
class Evidence:
    """What speaks for a word: its map against its strongest earlier word.

    Parameters
    ----------
    visual
        Maximum of the word's map on the vision cells, in [0, 1].
    textual
        Its strongest relevance among the tokens before it, in [0, 1].
    """

    visual: float
    textual: float

    @property
    def share(self) -> float:
        """The visual part of both, in [0, 1]; 0 where there is no evidence at all."""
        total = self.visual + self.textual
        return self.visual / total if total > 0 else 0.0


def evidence(word: Word) -> Evidence:
    """Weigh a word's map against the words before it."""
    earlier = word.explanation.relevance[list(word.targets), : word.targets[0]]
    return Evidence(
        visual=float(word.cells().max(initial=0)), textual=float(earlier.max(initial=0))
    )


def peak(word: Word, media: int | None = None) -> Peak | None:
    """Find where a word's map is highest.

    Between cell centres a map is bilinear, so it is highest at one of them. Where views overlap
    the map is their mean; then the best cell of each view is tried.

    Parameters
    ----------
    word
        A word of an explanation.
    media
        The picture or clip to search; all of them where it is None.

    Returns
    -------
    None where the map is zero everywhere.
    """
    best: Peak | None = None
    cells = word.cells()
    for grid, values in word.explanation.by_grid(cells):
        if media not in (None, grid.media):
            continue
        for step, layer in enumerate(values.reshape(grid.shape[0], -1)):
            place = _best_cell(layer, grid, word.explanation.media[grid.media])
            if place is None:
                continue
            frame = int(grid.spans[step, 0])
            value = _value(word.explanation, cells, grid.media, frame, *place)
            if value > (best.value if best else 0):
                best = Peak(grid.media, frame, *place, value)
    return best


def strongest_earlier(word: Word) -> list[tuple[Word, float]]:
    """List the words before a word by their relevance to it, most relevant first."""
    explanation = word.explanation
    # What Word.relevance gives, with the maximum over this word's tokens taken once.
    row = explanation.relevance[list(word.targets)].max(axis=0).tolist()
    ranked = [
        (other, max(row[target] for target in other.targets))
        for other in (*explanation.prompt_words, *explanation.words)
        if other.targets[-1] < word.targets[0]
    ]
    return sorted(ranked, key=lambda pair: -pair[1])


def _best_cell(layer: NDArray[np.float32], grid: VisionGrid, item: Media) -> tuple[int, int] | None:
    """Pixel (x, y) at the centre of the highest cell that lies on the picture and is not zero."""
    left, top, right, bottom = grid.boxes.T
    on_picture = (right > 0) & (bottom > 0) & (left < item.width) & (top < item.height)
    candidates = np.where(on_picture, layer, np.float32(0))
    cell = int(np.argmax(candidates))
    if candidates[cell] <= 0:
        return None
    x, y = (left[cell] + right[cell]) / 2, (top[cell] + bottom[cell]) / 2
    return int(np.clip(x, 0, item.width - 1)), int(np.clip(y, 0, item.height - 1))


def _value(
    explanation: Explanation, cells: NDArray[np.float32], media: int, frame: int, x: int, y: int
) -> float:
    """One pixel of a map, as :meth:`tam.explanation.explanation.Explanation.token_map` has it."""
    found: list[float] = []
    first = 0
    for grid in explanation.grids:
        values, first = cells[first : first + grid.cells], first + grid.cells
        inside = (grid.spans[:, 0] <= frame) & (frame < grid.spans[:, 1])
        left, top, right, bottom = grid.box
        box = (left - x, top - y, right - x, bottom - y)  # brings the pixel to the origin
        if grid.media != media or not inside.any() or not coverage(box, 1, 1)[0, 0]:
            continue
        layer = values.reshape(grid.shape)[int(np.argmax(inside))]
        found.append(float(upsample(layer, box, 1, 1)[0, 0]))
    return float(np.mean(found)) if found else 0.0
