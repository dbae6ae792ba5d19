"""Corrections of false words: how little of the picture must go for the right word to win.

Two measures of EAGLE's evaluation (Chen et al., CVPR 2026, arXiv 2509.22496; the definitions follow
its code, ``evals/eval_hallucination_correction.py``). The picture is hidden by the map of a false
word, the hottest pixels first. The word's minimal correction region is the smallest hidden share
with which the model prefers a right word; it is 1 if no share short of the whole does it.

====  ==========================================================================================
AMCR  the average minimal correction region; less is better
CSR   the share of false words whose region is at most a tenth of the picture; more is better
====  ==========================================================================================

Four choices are this toolkit's:

- The published evaluation asks questions that are answered by yes or no, and takes the first word
  of the new reply. Here the words before the false one stay, and the model prefers a right word if
  it gives one of them a higher probability than the false one. Right words are those of the false
  word's kind that name something in the picture. (After "an" a word like "red" is improbable
  whatever is hidden; such false words count as they come.)
- A word is only measured if the model prefers it to every right word on the whole picture: a
  planted word that the model would not have said needs no correction. Of the mentions of a false
  word, the first is measured, because later ones repeat it.
- The published search for regions explains the right answer, and what it adds last is hidden first.
  Here every method explains the word that was said.
- A false word that is never corrected counts as a failure in both measures; the published script
  leaves it out of CSR.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tam.check.fillers import filled
from tam.evaluate.curves import FILLER
from tam.evaluate.faithfulness import Frames, Heat, Score, mixed, ranked
from tam.evaluate.measuring import Line
from tam.evaluate.rerun import token_scores
from tam.evaluate.stacking import stacked_frames, stacked_map
from tam.explanation.word import Word
from tam.replay import Replay

if TYPE_CHECKING:
    from tam.evaluate.items import Item
    from tam.explanation.explanation import Explanation
    from tam.model.model import Model

STEPS = 40
"""The number of equal steps in which the picture is hidden: 2.5 % of it each."""
BUDGET = 0.1
"""The largest share of the picture that a successful correction may hide."""

_TOGETHER = 8


@dataclass(frozen=True)
class FalseWord:
    """A false word of a reply, and what the model could have said in its place.

    Parameters
    ----------
    text
        The word.
    targets
        Its targets.
    right
        The right words of its kind.
    lead
        A function of B edited versions of the picture that returns, float64 [B], how much more
        probable the false word is than the most probable right word, in nats.
    """

    text: str
    targets: tuple[int, ...]
    right: tuple[str, ...]
    lead: Score


def correction_region(
    frames: Frames, heat: Heat, lead: Score, *, steps: int = STEPS, seed: int = 0
) -> float:
    """Find the smallest share of the picture whose removal corrects a false word, in (0, 1].

    Parameters
    ----------
    frames
        uint8 [T, H, W, 3].
    heat
        [T, H, W]: the map of the false word; pixels of equal heat are taken in random order.
    lead
        As in :class:`FalseWord`; called with a few versions at a time until one is corrected.
    steps
        The number of equal steps.
    """
    blank, order = filled(frames, FILLER), ranked(heat, seed)
    for first in range(1, steps, _TOGETHER):
        counts = range(first, min(first + _TOGETHER, steps))
        leads = lead([mixed(blank, frames, order, count / steps) for count in counts])
        corrected = np.flatnonzero(leads < 0)
        if len(corrected):
            return counts[int(corrected[0])] / steps
    return 1.0


def right_words(item: "Item", word: str) -> tuple[str, ...]:
    """Return the other words of a word's kind that name something in the picture."""

    def shown(other: str) -> bool:
        mask = item.masks.get(item.categories.get(other, 0))
        return mask is not None and bool(mask.any())

    kind = next((kind for kind in item.kinds if word in kind), ())
    return tuple(other for other in kind if other != word and shown(other))


def false_words(model: "Model", item: "Item", replay: "Replay") -> list[FalseWord]:
    """Find the false words of a recorded reply that the model prefers to the right words.

    Every right word is read in a recorded run of its own, in which the reply ends with it.
    """
    text = replay.trace.text.reply
    found: dict[str, FalseWord] = {}
    for start, stop in item.false_spans:
        word = text[start:stop]
        right = right_words(item, word)
        if right and text.find(word) == start:
            targets = replay.trace.text.covering(start, stop)
            others = [_last_word(model, item, text[:start] + other, start) for other in right]
            lead = _lead([_one_word(replay, targets), *others])
            if lead([stacked_frames(replay.trace.media)])[0] > 0:
                found[word] = FalseWord(word, targets, right, lead)
    return list(found.values())


def correction_lines(explanation: "Explanation", words: Sequence[FalseWord]) -> list[Line]:
    """Measure an explanation on the false words; a line for each."""
    frames = stacked_frames(explanation.media)
    lines: list[Line] = []
    for word in words:
        heat = stacked_map(Word(explanation, word.targets))
        region = correction_region(frames, heat[None], word.lead)
        lines.append(
            {
                "kind": "correction",
                "word": word.text,
                "right": list(word.right),
                "correction_region": region,
                "correction_success": float(region <= BUDGET),
            }
        )
    return lines


def _last_word(model: "Model", item: "Item", reply: str, start: int) -> Score:
    """Return the score of the word that begins at a character of a reply and ends it."""
    recording = model.run(item.conversation, answer=reply)
    targets = recording.trace.text.covering(start, len(reply))
    return _one_word(Replay(model.checkpoint, recording), targets)


def _one_word(replay: Replay, targets: Sequence[int]) -> Score:
    read = token_scores(replay, [targets])
    return lambda versions: read(versions)[:, 0]


def _lead(scores: Sequence[Score]) -> Score:
    """Return the first score minus the highest of the others."""

    def lead(versions: Sequence[Frames]) -> NDArray[np.float64]:
        said, *others = (score(versions) for score in scores)
        return np.asarray(said - np.max(others, axis=0))

    return lead
