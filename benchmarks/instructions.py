"""How fast a GPU computes minima, maxima and exponentials of numbers in its registers."""

import torch
import triton
import triton.language as tl

from benchmarks.timing import seconds
from tam.engine.ops.rank_filter.network import RANK_THREE_SORTED, THREE
from tam.engine.ops.rank_filter.triton import _exchanged

_PROGRAMS, _NUMBERS, _ROUNDS = 8192, 256, 200

# A network that sorts nine values: three columns of three, then the rest.
_NINE = (*((3 * a + j, 3 * b + j) for a, b in THREE for j in range(3)), *RANK_THREE_SORTED)


def comparisons(device: torch.device) -> float:
    """Return minima and maxima per second; 25 exchanges sort nine values, again and again."""
    values = torch.rand(9, _PROGRAMS * _NUMBERS, device=device)

    def sort() -> None:
        _sort[(_PROGRAMS,)](values, _ROUNDS, values.shape[1], NETWORK=_NINE, NUMBERS=_NUMBERS)

    return 2 * len(_NINE) * _ROUNDS * values.shape[1] / seconds(sort, device)


def exponentials(device: torch.device) -> float:
    """Return exponentials per second: every thread computes four chains of them."""
    values = torch.rand(4, _PROGRAMS * _NUMBERS, device=device)

    def raise_two() -> None:
        _raise_two[(_PROGRAMS,)](values, _ROUNDS, values.shape[1], NUMBERS=_NUMBERS)

    return 4 * _ROUNDS * values.shape[1] / seconds(raise_two, device)


@triton.jit
def _sort(values, rounds, count, NETWORK: tl.constexpr, NUMBERS: tl.constexpr):
    place = values + tl.program_id(0) * NUMBERS + tl.arange(0, NUMBERS)
    held = ()
    for n in tl.static_range(9):
        held = held + (tl.load(place + n * count),)
    for _ in range(rounds):
        # Rotated by one, so that the values are not yet sorted when a round begins.
        held = held[1:] + held[:1]
        for n in tl.static_range(len(NETWORK)):
            held = _exchanged(held, NETWORK[n][0], NETWORK[n][1])
    total = held[0]
    for n in tl.static_range(1, 9):
        total = total * 0.5 + held[n]
    tl.store(place, total)


@triton.jit
def _raise_two(values, rounds, count, NUMBERS: tl.constexpr):
    place = values + tl.program_id(0) * NUMBERS + tl.arange(0, NUMBERS)
    a, b = tl.load(place), tl.load(place + count)
    c, d = tl.load(place + 2 * count), tl.load(place + 3 * count)
    for _ in range(rounds):
        a, b, c, d = tl.exp2(-a), tl.exp2(-b), tl.exp2(-c), tl.exp2(-d)
    tl.store(place, a + b + c + d)
