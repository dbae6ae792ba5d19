"""How far the truth about earlier words agrees with itself, by other substitutes.

    python -m benchmarks.agreement --data scenes --split many,conversation --count 6 --model small
    python -m benchmarks.agreement --data photo --split talk --count 14 --model photo

The effect of an earlier word is the mean over some words that replace it
(:mod:`tam.evaluate.substitution`). Here the causes by one half of these are predicted from the
effects by the other half, as if those were the relevance of a method: no method can be expected to
do better. Prints the AUROC with its 95 % bootstrap interval over items, for content words that one
half finds causes and other words for.
"""

import argparse
from collections.abc import Iterator, Sequence

import numpy as np

import tam
from tam.errors import ended_in_one_line
from tam.evaluate.causes import LEAST_EFFECT, auroc
from tam.evaluate.data_sets import open_data
from tam.evaluate.statistics import draws, interval, pool
from tam.evaluate.substitution import WordEffect, word_effects
from tam.replay import Replay
from tam.text.function_words import is_content

SUBSTITUTES = 8
"""The largest number of substitutes for a word."""


def main() -> None:
    """Measure, and print a line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", default="scenes")
    parser.add_argument("--split", default="many,conversation")
    parser.add_argument("--count", type=int, default=6, help="items of each split")
    parser.add_argument("--model", default="small")
    parser.add_argument("--dtype")
    asked = parser.parse_args()
    model = tam.load(asked.model, dtype=asked.dtype)
    items, _ = open_data(
        asked.data, splits=tuple(asked.split.split(",")), count=asked.count, world="test"
    )
    by_item = []
    for item in items:
        recording = model.run(item.conversation, answer=item.answer, **item.generation)
        replay = Replay(model.checkpoint, recording)
        found = word_effects(replay, item.kinds, SUBSTITUTES)
        by_item.append(list(agreements(replay, found)))
    print(line(by_item))


def agreements(replay: Replay, found: Sequence[WordEffect]) -> Iterator[float]:
    """Yield, for each content word of the reply, the AUROC of one half for the other's causes."""
    text = replay.trace.text
    able = [effect for effect in found if len(effect.each) > 1]
    halves = [[effect.each[part::2].mean(0) for effect in able] for part in (0, 1)]
    for word, targets in text.reply_words.values():
        if not is_content(word):
            continue
        steps = [target - text.prompt_targets for target in targets]
        before = [i for i, effect in enumerate(able) if effect.targets[-1] < targets[0]]
        truth, told = (np.array([half[i][steps].sum() for i in before]) for half in halves)
        causing = truth >= LEAST_EFFECT
        ranking = auroc(told[causing], told[~causing])
        if ranking is not None:
            yield ranking


def line(by_item: list[list[float]]) -> str:
    """Write the mean over words, its interval over items, and the number of words."""
    pooled = pool(by_item)
    count = int(pooled.counts.sum())
    if not count:
        return "no word that some earlier words cause and some do not"
    mean = interval(pooled.means(draws(len(by_item))))
    value, low, high = (round(100 * figure) for figure in (mean.value, mean.low, mean.high))
    return f"AUROC {value} ({low} to {high}), {count} words"


if __name__ == "__main__":
    with ended_in_one_line():
        main()
