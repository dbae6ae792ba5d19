"""EAGLE's curves: the probability of words while a picture is revealed or removed by a map.

Chen et al., CVPR 2026, arXiv 2509.22496, and its code. Unlike
:func:`tam.evaluate.faithfulness.faithfulness`, which asks about one word's log-probability on a
scale from the filler to the picture, these curves are of plain probabilities, and of one or more
words at once: a word, a phrase or the sentence (:mod:`tam.text.levels`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tam.check.fillers import filled
from tam.evaluate.faithfulness import Frames, Heat, Score, both_ways, shares_of
from tam.evaluate.measuring import Line
from tam.evaluate.rerun import token_scores
from tam.evaluate.stacking import stacked_frames, stacked_map
from tam.explanation.word import Word
from tam.text.function_words import is_content
from tam.text.levels import LEVELS, grouped

if TYPE_CHECKING:
    from tam.evaluate.items import Item
    from tam.explanation.explanation import Explanation
    from tam.recording.trace import Trace
    from tam.replay import Replay

FILLER = "mean"
"""Hidden pixels take the picture's mean color. The published code makes them black, which is a
color of its own right on drawn scenes."""

FIGURES = ("insertion", "deletion", "highest")
"""The figures of a group of words; properties of :class:`Curves`."""


def figure_name(level: str, figure: str) -> str:
    """Return the name of a figure at a level in the results."""
    return f"{level}_{figure}"


NAMES = tuple(figure_name(level, figure) for level in LEVELS for figure in FIGURES)
"""The names of all figures at all levels."""


@dataclass(frozen=True, eq=False)
class Curves:
    """The probabilities of W words on the way from the filler to the picture, and back.

    Parameters
    ----------
    shares
        float64 [S + 1]: the share of the picture that is revealed, or removed, from 0 to 1.
    inserted, deleted
        float64 [S + 1, W]: each word's probability with that share of the hottest pixels shown
        alone, or hidden.
    """

    shares: NDArray[np.float64]
    inserted: NDArray[np.float64]
    deleted: NDArray[np.float64]

    @property
    def insertion(self) -> float:
        """Area under the mean probability as the picture is revealed, in [0, 1]; more is better."""
        return float(np.trapezoid(self.inserted.mean(1), self.shares))

    @property
    def deletion(self) -> float:
        """Area under the mean probability as the picture is removed, in [0, 1]; less is better."""
        return float(np.trapezoid(self.deleted.mean(1), self.shares))

    @property
    def highest(self) -> float:
        """Highest mean probability as the picture is revealed, in [0, 1]; more is better.

        Over a data set its mean is EAGLE's average highest confidence. It exceeds the probability
        on the whole picture if a part of the picture speaks against the words.
        """
        return float(self.inserted.mean(1).max())


def curves(frames: Frames, heat: Heat, score: Score, steps: int, *, seed: int = 0) -> Curves:
    """Measure the curves of a group of words.

    Parameters
    ----------
    frames
        uint8 [T, H, W, 3].
    heat
        [T, H, W]; pixels of equal heat are taken in random order.
    score
        Called once with all 2 * steps edited versions; returns the log-probability of each word,
        [B, W].
    steps
        The number of steps; :func:`tam.evaluate.faithfulness.shares_of` has their ends.
    """
    found = both_ways(frames, filled(frames, FILLER), heat, score, steps, seed=seed)
    inserted, deleted = map(np.exp, found)
    return Curves(shares_of(steps), inserted, deleted)


def measured_words(trace: "Trace", item: "Item") -> list[list[int]]:
    """Return the targets of the words that curves are about.

    These are the content words of the reply that are not known to be false.
    """
    text = trace.text
    false = {target for span in item.false_spans for target in text.covering(*span)}
    return [
        targets
        for word, targets in text.reply_words.values()
        if is_content(word) and false.isdisjoint(targets)
    ]


def curve_lines(
    explanation: "Explanation",
    words: Sequence[Sequence[int]],
    replay: "Replay",
    level: str,
    steps: int,
) -> list[Line]:
    """Measure an explanation at one level; a line for each group of words.

    The map of a group is the mean of its words' maps.

    Parameters
    ----------
    explanation
        Maps of the words.
    words
        From :func:`measured_words`.
    replay
        The recorded run.
    level
        One of :data:`tam.text.levels.LEVELS`.
    steps
        As in :func:`curves`.
    """
    known = explanation.word_numbers
    numbers = [known[tuple(targets)] for targets in words]
    frames = stacked_frames(explanation.media)
    lines: list[Line] = []
    for group in grouped(numbers, level):
        own = [Word(explanation, tuple(words[index])) for index in group]
        heat = np.mean([stacked_map(word) for word in own], axis=0)
        found = curves(frames, heat[None], token_scores(replay, [w.targets for w in own]), steps)
        lines.append(
            {
                "kind": "curve",
                "level": level,
                "words": [word.text for word in own],
                "shares": _rounded(found.shares),
                "inserted": _rounded(found.inserted),
                "deleted": _rounded(found.deleted),
                **{figure_name(level, name): getattr(found, name) for name in FIGURES},
            }
        )
    return lines


def _rounded(values: NDArray[np.float64]) -> list[object]:
    rounded: list[object] = values.round(6).tolist()
    return rounded
