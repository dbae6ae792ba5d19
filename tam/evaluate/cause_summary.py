"""The summary of the measure ``causes``, pooled over words; whole items are resampled."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tam.evaluate.journal import Block
from tam.evaluate.statistics import Pooled, aurocs, pool

SPLITS = ("first", "repeated", "relation")
"""Kinds of words, see :func:`tam.evaluate.causes.split_of_word`."""

_OF_WORDS = (
    "cause_hottest",
    "cause_auroc",
    "cause_spearman",
    "relevance_auroc",
    "relevance_spearman",
)


def cause_pools(items: Sequence[Block]) -> dict[str, Pooled]:
    """Pool each figure over all words, and over each kind of word."""
    pools = {name: _pooled(items, name) for name in _OF_WORDS}
    for split in SPLITS:
        pools[f"cause_auroc_{split}"] = _pooled(items, "cause_auroc", split)
    return pools


def heights(items: Sequence[Block], drawn: NDArray[np.int64]) -> NDArray[np.float64]:
    """Compute for each draw how well the height of a map predicts whether its word has a cause.

    Parameters
    ----------
    items
        I items with the lines of their words.
    drawn
        int64 [n, I] from :func:`tam.evaluate.statistics.draws`.

    Returns
    -------
    float64 [n]: the AUROC of the height, for words with a cause in the picture over words without
    one; pairs of words of different items count too. NaN if a draw has no such pair.
    """
    caused, others = ([_told(block, causes=causes) for block in items] for causes in (True, False))
    return aurocs(caused, others, drawn)


def _pooled(items: Sequence[Block], name: str, split: str | None = None) -> Pooled:
    return pool(
        [
            [
                float(word[name])
                for word in block.words
                if word.get(name) is not None and split in (None, word["split"])
            ]
            for block in items
        ]
    )


def _told(block: Block, *, causes: bool) -> NDArray[np.float64]:
    """Return the heights of the maps of an item's words with a cause, or of those without one."""
    return np.array(
        [
            word["height"]
            for word in block.words
            if word.get("kind") == "cause" and bool(word["causes"]) is causes
        ],
        np.float64,
    )
