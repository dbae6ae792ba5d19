"""Encode the relevance of earlier words for the page: exact hundredths in few bytes.

A reply repeats its tokens, and the rows of a token that occurs twice are nearly proportional:
both compare the same token's evidence at the same earlier words, each scaled by its own maximum.
So a row is stored as its differences from a multiple of the row of the token's last occurrence.
For a reply of 3,000 words, zlib then needs less than half of the bytes.
"""

import zlib
from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

UNKNOWN: Final = 255
"""The byte for a relevance that is not known."""

_ONE: Final = 256
_LARGEST: Final = 65535

Row = NDArray[np.uint8]


def word_rows(relevance: NDArray[np.float32], words: Sequence[Sequence[int]]) -> list[Row]:
    """Return the relevance of the words that end before each token, in hundredths.

    Parameters
    ----------
    relevance
        float32 [K, K] in [0, 1]; NaN where it is not known.
    words
        The tokens of each word, in order. A word's relevance is the highest one of its tokens.

    Returns
    -------
    A row uint8 for each token, rounded as Python prints two digits; ``UNKNOWN`` for NaN.
    """
    columns = np.stack([relevance[:, list(word)].max(axis=1) for word in words], axis=1)
    # The product of a float32 and 100 is exact in float64.
    hundredths = np.rint(100 * columns.astype(np.float64))
    values = np.where(np.isnan(columns), UNKNOWN, hundredths).astype(np.uint8)
    ends = [word[-1] for word in words]
    return [row[: bisect_left(ends, target)] for target, row in enumerate(values)]


def encoded_rows(rows: Sequence[Row], ids: Sequence[int]) -> bytes:
    """Compress rows, each predicted from the last row of the same token id.

    Parameters
    ----------
    rows
        Row t has no fewer values than any row before it.
    ids
        The token id of each row.

    Returns
    -------
    A zlib stream of a factor uint16 (little-endian, in 256ths; 0 for no prediction) for each row,
    followed by the bytes of all rows: the value minus ``(factor * earlier value + 128) >> 8``,
    modulo 256.
    """
    last: dict[int, Row] = {}
    factors = np.zeros(len(rows), "<u2")
    parts = []
    for index, (row, token) in enumerate(zip(rows, ids, strict=True)):
        factors[index], differences = _predicted(row, last.get(token))
        parts.append(differences)
        last[token] = row
    return zlib.compress(factors.tobytes() + np.concatenate(parts).tobytes(), 9)


def _predicted(row: Row, earlier: Row | None) -> tuple[int, Row]:
    """Return the best factor and the row's differences from the multiple of an earlier row."""
    if earlier is None or not earlier.any():
        return 0, row
    known, shared = earlier.astype(np.int64), row[: len(earlier)].astype(np.int64)
    factor = min(round(_ONE * float(known @ shared) / float(known @ known)), _LARGEST)
    differences = shared - ((factor * known + _ONE // 2) >> 8)
    if np.abs(differences).sum() >= shared.sum():
        return 0, row
    return factor, np.concatenate([(differences & 255).astype(np.uint8), row[len(earlier) :]])
