"""The effects of earlier words on a word, measured by replacing them with others of their kind.

The effect of an earlier word is ``log p(word | text) - mean log p(word | text with another word of
its kind in its place)``, with all else unchanged: red for blue, star for ring, left for right. It
is the ground truth against which the relevance of earlier words is measured.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tam.evaluate.causes import LEAST_EFFECT, auroc
from tam.explanation.word import Word
from tam.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    from tam.recording.trace import Trace
    from tam.replay import Replay


@dataclass(frozen=True, eq=False)
class WordEffect:
    """An earlier word and its effect on each of the reply's tokens.

    Parameters
    ----------
    targets
        Indices of its tokens among the run's targets.
    each
        float64 [S, R], in nats: what each token loses with each of S substitutes; the values for
        its own and for earlier tokens are meaningless.
    """

    targets: tuple[int, ...]
    each: NDArray[np.float64]

    @property
    def effects(self) -> NDArray[np.float64]:
        """The mean over the substitutes, float64 [R], in nats."""
        return np.asarray(self.each.mean(0))


def word_effects(
    replay: "Replay", kinds: Sequence[Sequence[str]], substitutes: int
) -> list[WordEffect]:
    """Read a reply again with each word of a kind replaced.

    Parameters
    ----------
    replay
        The recorded reply.
    kinds
        Groups of words that can replace one another.
    substitutes
        The largest number of substitutes for each word, drawn with its place as the seed.

    Returns
    -------
    One for each word of the conversation that belongs to a kind, in reading order. A word is left
    out if no other word of its kind has the same number of tokens.
    """
    trace, tokenizer = replay.trace, replay.checkpoint.tokenizer
    found: list[tuple[tuple[int, ...], int]] = []
    versions: list[Mapping[int, int]] = []
    for targets in _words(trace):
        others = list(_versions(trace, tokenizer, targets, kinds))[:substitutes]
        if others:
            found.append((targets, len(others)))
            versions += others
    if not found:
        return []
    read = replay.reworded([{}, *versions]).astype(np.float64)
    losses, first = read[:1] - read[1:], 0
    effects = []
    for targets, count in found:
        effects.append(WordEffect(targets, losses[first : first + count]))
        first += count
    return effects


def relevance_scores(
    word: Word, earlier: Sequence[WordEffect]
) -> tuple[float | None, float | None]:
    """Compare the relevance of earlier words for a word with their effects on it.

    Parameters
    ----------
    word
        A word of the explained reply.
    earlier
        From :func:`word_effects`; only words that end before it count.

    Returns
    -------
    AUROC of the words that cause it (an effect of 1 nat or more) over the others, and Spearman's
    correlation of relevance and effects. None if there are only causes or only other words, if all
    relevance is equal (correlation), or if the method does not score earlier words.
    """
    data = word.explanation
    steps = [target - data.prompt_targets for target in word.targets]
    before = [item for item in earlier if item.targets[-1] < word.targets[0]]
    effects = np.array([item.effects[steps].sum() for item in before])
    told = [word.relevance(Word(data, item.targets)) for item in before]
    values = np.array([value for value in told if value is not None])
    causing = effects >= LEAST_EFFECT
    if len(values) < len(before) or not causing.any() or causing.all():
        return None, None
    ranking = auroc(values[causing], values[~causing])
    if len(set(values.tolist())) == 1:
        return ranking, None
    from scipy.stats import spearmanr

    return ranking, float(spearmanr(values, effects).statistic)


def _words(trace: "Trace") -> Iterator[tuple[int, ...]]:
    groups: dict[tuple[int, int], list[int]] = {}
    for target, token in enumerate(trace.text.tokens):
        if token.word >= 0:
            groups.setdefault((token.turn, token.word), []).append(target)
    return map(tuple, groups.values())


def _versions(
    trace: "Trace", tokenizer: Tokenizer, targets: Sequence[int], kinds: Sequence[Sequence[str]]
) -> Iterator[Mapping[int, int]]:
    """Yield token ids by position, for each other word of the kind with as many tokens."""
    tokens = [trace.text.tokens[target] for target in targets]
    spelled = "".join(token.text for token in tokens)
    said = spelled.strip()
    kind = next((kind for kind in kinds if said.lower() in kind), None)
    if kind is None or _ids(tokenizer, spelled) != [token.id for token in tokens]:
        return
    others = [other for other in kind if other != said.lower()]
    for index in np.random.default_rng(targets[0]).permutation(len(others)):
        other = others[int(index)]
        other = other.capitalize() if said[0].isupper() else other
        ids = _ids(tokenizer, spelled.replace(said, other))
        if len(ids) == len(tokens):
            yield {token.position: new for token, new in zip(tokens, ids, strict=True)}


def _ids(tokenizer: Tokenizer, text: str) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids
