"""The exact causes of a model's words, and measures of whether a map finds them.

A scene is a program: it can be rendered again without one object and otherwise unchanged. The
effect of an object on a word of a reply is ``log p(word | picture) - log p(word | picture without
it)``, with the same reply read both times. The background is never removed; its effect counts as 0.

Everything here works on arrays, except :func:`effects`, which reads a recorded reply again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tam.evaluate.stacking import stacked_map
from tam.explanation.word import Word
from tam.media.media import Media

if TYPE_CHECKING:
    from tam.replay import Replay

LEAST_EFFECT = 1.0
"""The least effect, in nats, with which an object counts as a cause of a word."""

RELATIONS = ("left", "right", "above", "below")

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Causes:
    """A word's exact causes, with the heat of its map at each of them.

    Parameters
    ----------
    split
        The kind of word, see :func:`split_of_word`.
    effects
        The effect of each object, in nats.
    heats
        The mean of the map over each object's visible pixels, then over the background.
    height
        The maximum of the map.
    """

    split: str
    effects: tuple[float, ...]
    heats: tuple[float, ...]
    height: float

    @property
    def count(self) -> int:
        """The number of objects that cause the word."""
        return sum(effect >= LEAST_EFFECT for effect in self.effects)

    @property
    def hottest(self) -> bool | None:
        """Whether the hottest object is the strongest cause; None if nothing causes the word.

        It is also None if there is only one object, or no single object is the hottest.
        """
        heats = self.heats[:-1]
        if not self.count or len(heats) < 2 or sorted(heats)[-1] == sorted(heats)[-2]:
            return None
        return int(np.argmax(heats)) == int(np.argmax(self.effects))

    @cached_property
    def ranking(self) -> float | None:
        """AUROC of the heats: objects that cause the word over the others and the background.

        None if nothing causes the word.
        """
        causing = np.array([*(effect >= LEAST_EFFECT for effect in self.effects), False])
        heats = np.array(self.heats)
        return auroc(heats[causing], heats[~causing])

    @cached_property
    def correlation(self) -> float | None:
        """Spearman's correlation of heats and effects, in [-1, 1].

        None if nothing causes the word, or the heats are all equal.
        """
        if not self.count or len(set(self.heats)) == 1:
            return None
        from scipy.stats import spearmanr

        return float(spearmanr(self.heats, [*self.effects, 0.0]).statistic)


def effects(replay: "Replay", without: Sequence[Sequence[Media]]) -> Values:
    """Read a reply with each object removed in turn.

    Parameters
    ----------
    replay
        The recorded reply.
    without
        For each object, the conversation's media without it.

    Returns
    -------
    float64 [R, O]: the effect of each of O objects on each of the reply's R tokens, in nats. A
    word's effect is the sum over its tokens.
    """
    found = replay.log_probabilities([replay.trace.media, *without]).astype(np.float64)
    return np.asarray((found[:1] - found[1:]).T)


def causes(word: Word, token_effects: Values, masks: Sequence[NDArray[np.bool_]]) -> Causes:
    """Compare a word's map with its causes.

    Parameters
    ----------
    word
        A word of the explained reply.
    token_effects
        float64 [R, O] from :func:`effects`.
    masks
        bool [H, W] for each object: its visible pixels, with all frames of all pictures and clips
        stacked vertically.
    """
    steps = [target - word.explanation.prompt_targets for target in word.targets]
    heat = np.nan_to_num(stacked_map(word))
    regions = [*masks, ~np.logical_or.reduce(list(masks))]
    return Causes(
        split_of_word(word),
        tuple(token_effects[steps].sum(0).tolist()),
        tuple(float(heat[region].mean()) if region.any() else 0.0 for region in regions),
        word.visual or 0.0,
    )


def split_of_word(word: Word) -> str:
    """Return the split that a word belongs to.

    Returns
    -------
    ``"relation"`` (two objects cause it), ``"repeated"`` if the reply has already used the word
    (its first mention may cause it, rather than the picture), else ``"first"``.
    """
    if word.text in RELATIONS:
        return "relation"
    data = word.explanation
    said = {
        Word(data, targets).text.lower()
        for targets in data.word_targets
        if data.prompt_targets <= targets[0] < word.targets[0]
    }
    return "repeated" if word.text.lower() in said else "first"


def auroc(high: Values, low: Values) -> float | None:
    """Return the share of pairs in which a ``high`` value exceeds a ``low`` one; ties count half.

    Returns
    -------
    In [0, 1]; None if either is empty.
    """
    if not len(high) or not len(low):
        return None
    above = (high[:, None] > low[None]).mean() + 0.5 * (high[:, None] == low[None]).mean()
    return float(above)
