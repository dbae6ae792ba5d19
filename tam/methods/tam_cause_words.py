"""What a word loses without each region that words mark, and without each earlier word."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from tam.check.reading import BATCH
from tam.explanation.explanation import Explanation
from tam.methods.options import check_whole
from tam.methods.result import Targets, build_explanation, resolve_targets
from tam.methods.tam_cause import tam_cause
from tam.recording.prepared import special_ids
from tam.recording.trace import Trace
from tam.replay import Replay

# The number of states that go through the whole head at once; each output spans the vocabulary.
_CHUNK = 64
# Pieces that agree in so many letters, or in all letters of the shorter one, are one word.
_STEM = 4
# How many of a position's most probable tokens are tried as substitutes.
_TRIED = 40


def tam_cause_words(
    trace: Trace,
    replay: Replay,
    targets: Targets = None,
    *,
    substitutes: int = 4,
    regions: int = 32,
    filler: str = "inpaint",
    growth: float = 0.03,
    batch: int = BATCH,
) -> Explanation:
    """Explain like ``tam-cause``, and replace each earlier word to measure its relevance.

    The maps are those of ``tam-cause`` (:mod:`tam.methods.tam_cause`). For the relevance, each word
    of the conversation is replaced by words that the model expects in its place, and the reply is
    read again: for each token of the word, one of the first ``substitutes`` tokens that the model
    ranks highest after what stands before, other forms of the same word left out. With p the
    probability of a token, and p_w the geometric mean of its probabilities without word w, the
    relevance of w is ``relu(1 - p_w / p)``. So maps and relevance have one scale: the share of the
    probability that is lost. Maps [K, N] and relevance [K, K] of the reply's words. Cost: that of
    ``tam-cause``, one forward pass, and ``substitutes`` passes for each word; no backward pass.

    That substitutes come from the model is this toolkit's choice: where the model can predict the
    text, it stays plausible, and the substitutes are mostly of the same kind (another color for a
    color), without a list of kinds.

    Parameters
    ----------
    trace, replay, targets
        See :mod:`tam.methods`.
    substitutes
        The number of substitutes for each word.
    regions
        The largest number of regions; those that most words mark are kept.
    filler
        The replacement of hidden pixels, see :mod:`tam.check.fillers`.
    growth
        How far beyond its edge a region is hidden, as a share of the picture's shorter side.
    batch
        The largest number of passes that run together, if memory allows.
    """
    check_whole("substitutes", substitutes)
    found = tam_cause(
        trace, replay, targets, regions=regions, filler=filler, growth=growth, batch=batch
    )
    asked = resolve_targets(trace, targets, prompt=False)
    relevance = np.full((len(trace.text.tokens),) * 2, np.nan, np.float32)
    relevance[asked] = _lost(trace, replay, asked, found.word_targets, substitutes, batch)
    method = {
        **found.provenance["method"],
        "name": "tam-cause-words",
        "substitutes": substitutes,
    }
    return build_explanation(trace, found.maps, relevance, relevance, method)


def _lost(
    trace: Trace,
    replay: Replay,
    asked: Sequence[int],
    words: Sequence[tuple[int, ...]],
    substitutes: int,
    batch: int,
) -> NDArray[np.float32]:
    """Return the share of its probability that each requested target loses, float32 [T, K].

    All tokens of a replaced word have its value. Words that do not end before the target have 0.
    """
    versions = substituted(trace, replay, words, substitutes)
    read = replay.reworded([{}, *(version for each in versions for version in each)], batch=batch)
    steps = [target - trace.text.prompt_targets for target in asked]
    losses = (read[:1, steps] - read[1:, steps]).astype(np.float64)
    lost = np.zeros((len(asked), len(trace.text.tokens)), np.float32)
    first = 0
    for word, own in zip(words, versions, strict=True):
        loss = np.maximum(losses[first : first + len(own)].mean(0), 0)
        later = np.array(asked) > word[-1]
        lost[:, list(word)] = np.where(later, 1 - np.exp(-loss), 0)[:, None]
        first += len(own)
    return lost


def substituted(
    trace: Trace, replay: Replay, words: Sequence[tuple[int, ...]], count: int
) -> list[list[Mapping[int, int]]]:
    """Return up to ``count`` versions of each word, as token ids by position.

    Parameters
    ----------
    words
        The targets of each word.
    count
        How many versions of each word are wanted; there are fewer if most of the model's probable
        tokens are forms of the word, but at least one.
    """
    ranked = _ranked(trace, replay)
    found: list[list[Mapping[int, int]]] = []
    for word in words:
        others = [ranked[target] for target in word]
        number = min(count, *map(len, others))
        found.append(
            [
                {
                    trace.text.tokens[target].position: own[index]
                    for target, own in zip(word, others, strict=True)
                }
                for index in range(number)
            ]
        )
    return found


def _ranked(trace: Trace, replay: Replay) -> list[list[int]]:
    """Return, for each target, the ids of other words that the model ranks highest in its place."""
    tokens, length = trace.text.tokens, int(replay.inputs["input_ids"].shape[1])
    tokenizer, special = replay.checkpoint.tokenizer, sorted(special_ids(replay.checkpoint))
    with torch.no_grad():
        states = replay.read_by_head(length)
        # A token is predicted at the position before it; the first one of all by nothing.
        before = [max(token.position - 1, 0) - (length - len(states)) for token in tokens]
        rows: list[list[int]] = []
        for chunk in states[before].split(_CHUNK):
            logits = trace.lm_head.logits(chunk)
            logits[:, [number for number in special if number < logits.shape[1]]] = -torch.inf
            best = logits.topk(min(_TRIED, logits.shape[1] - len(special)))
            rows += best.indices.tolist()
    spelled = {number: tokenizer.decode([number]) for row in rows for number in row}
    return [
        [number for number in row if not same_word(spelled[number], token.text)]
        or [number for number in row if number != token.id]
        for row, token in zip(rows, tokens, strict=True)
    ]


def same_word(one: str, other: str) -> bool:
    """Whether two pieces are forms of one word: they begin alike, or one begins the other."""
    one, other = one.strip().casefold(), other.strip().casefold()
    length = min(len(one), len(other), _STEM)
    return one[:length] == other[:length]
