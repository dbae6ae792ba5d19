"""The correlation of the maps of the same word in two explanations."""

from collections.abc import Sequence

import numpy as np

from tam.explanation.explanation import Explanation
from tam.explanation.word import Word


def correlations(
    first: Explanation, other: Explanation, links: Sequence[int]
) -> list[float | None]:
    """Return the Pearson correlation of each word's map with that of its partner.

    Parameters
    ----------
    links
        For each word of the second explanation (the words of the prompt first), the index of its
        partner in the first, or -1.

    Returns
    -------
    A value in [-1, 1] for each word, over all cells of all pictures; None if it has no partner,
    the grids differ, or a map is not known or constant.
    """
    if [(g.media, g.shape, g.box) for g in first.grids] != [
        (g.media, g.shape, g.box) for g in other.grids
    ]:
        return [None] * len(links)
    words, partners = ((*item.prompt_words, *item.words) for item in (other, first))
    return [
        None if link < 0 else _correlation(word, partners[link])
        for word, link in zip(words, links, strict=True)
    ]


def _correlation(word: Word, partner: Word) -> float | None:
    a, b = (item.cells().astype(np.float64) for item in (word, partner))
    if a.size < 2 or np.isnan(a).any() or np.isnan(b).any() or not a.std() or not b.std():
        return None
    return float(np.clip(np.corrcoef(a, b)[0, 1], -1, 1))
