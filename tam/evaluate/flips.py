"""Flips: whether the model says another word once the hottest eighth of the picture is hidden.

A test that needs no ground truth: the picture's hottest 12.5 % by a word's map get its mean color,
the reply is read again, and the word flips if the model would have said another token in its place.
The more words flip, the better the map shows what the model used; ``random`` tells how many flip
anyway. Only content words are measured that the model prefers on the whole picture, since it would
not have said the others itself, and that are not known to be false.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tam.check.fillers import filled
from tam.evaluate.curves import FILLER
from tam.evaluate.faithfulness import mixed, ranked
from tam.evaluate.measuring import Line
from tam.evaluate.stacking import stacked_frames, stacked_map, unstacked
from tam.explanation.word import Word

if TYPE_CHECKING:
    from tam.explanation.explanation import Explanation
    from tam.replay import Replay

SHARE = 0.125
"""The share of the picture that is hidden."""


def preferred_words(replay: "Replay", words: Sequence[Sequence[int]]) -> list[Sequence[int]]:
    """Return those of the words, given by their targets, that the model prefers to any other."""
    leads = replay.leads([replay.trace.media])[0]
    return [word for word in words if _kept(leads, replay, word)]


def flip_lines(
    explanation: "Explanation", words: Sequence[Sequence[int]], replay: "Replay"
) -> list[Line]:
    """Hide the hottest part of the picture for each word; a line for each.

    Parameters
    ----------
    explanation
        Maps of the words.
    words
        The targets of each word, from :func:`preferred_words`.
    replay
        The recorded run.
    """
    frames, media = stacked_frames(explanation.media), explanation.media
    blank = filled(frames, FILLER)
    named = [Word(explanation, tuple(word)) for word in words]
    hidden = (mixed(blank, frames, ranked(stacked_map(word)[None]), SHARE) for word in named)
    leads = replay.leads(unstacked(version, media) for version in hidden)
    return [
        {"kind": "flip", "word": word.text, "flips": float(not _kept(lead, replay, word.targets))}
        for word, lead in zip(named, leads, strict=True)
    ]


def _kept(leads: NDArray[np.float32], replay: "Replay", word: Sequence[int]) -> bool:
    first = replay.trace.text.prompt_targets
    return bool((leads[[target - first for target in word]] > 0).all())
