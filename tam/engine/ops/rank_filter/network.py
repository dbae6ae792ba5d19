"""Sorting networks: sequences of compare-exchanges (a, b), with a < b, that sort any values."""

from functools import lru_cache
from typing import Final

THREE: Final = ((0, 1), (1, 2), (0, 1))
"""Three exchanges that sort three values."""

# Sorts nine values p0 … p8 whose triples (the columns) are sorted already. Seen as three rows,
# p0 p1 p2 are the smallest of the triples, p3 p4 p5 the medians and p6 p7 p8 the largest. Nine
# exchanges sort the rows; the square is then sorted both ways, and seven exchanges finish it. This
# is Floyd's network of 25 exchanges for nine values (Knuth, The Art of Computer Programming 3,
# section 5.3.4), without the nine that sort the triples.
_ROWS: Final = tuple((3 * r + a, 3 * r + b) for a, b in THREE for r in range(3))
_SQUARE: Final = ((1, 3), (5, 7), (2, 6), (4, 6), (2, 4), (2, 3), (5, 6))
RANK_THREE_SORTED: Final = (*_ROWS, *_SQUARE)
"""Sixteen exchanges that sort nine values whose triples (p_j, p_(3+j), p_(6+j)) are sorted."""


@lru_cache(maxsize=16)
def sorting_network(count: int) -> tuple[tuple[int, int], ...]:
    """Return a sorting network for any number of values.

    Batcher's merge exchange (Knuth, The Art of Computer Programming 3, section 5.2.2,
    algorithm M).

    Examples
    --------
    >>> sorting_network(3)
    ((0, 2), (0, 1), (1, 2))
    """
    pairs: list[tuple[int, int]] = []
    top = 1 << max(0, (count - 1).bit_length() - 1)
    p = top if count > 1 else 0
    while p > 0:
        q, r, d = top, 0, p
        while True:
            pairs += [(i, i + d) for i in range(count - d) if i & p == r]
            if q == p:
                break
            d, q, r = q - p, q // 2, p
        p //= 2
    return tuple(pairs)
