"""Damaging a file at random, the way disks, networks and people who mean harm do."""

import json
from typing import Any, Literal

import numpy as np

# Values that counts, sizes and offsets overflow at.
_EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFF00, 0xFFFFFFFF)


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """Damage a file in one to four ways."""
    data = bytearray(content)
    for _ in range(rng.integers(1, 5)):
        change = _CHANGES[rng.integers(len(_CHANGES))]
        change(data, rng)
    return bytes(data)


def mutated_saved(content: bytes, rng: np.random.Generator) -> bytes:
    """Damage a file of a saved explanation; every second document of JSON in one of its values."""
    if content.startswith(b"{") and rng.random() < 0.5:
        return _with_another_value(content, rng)
    return mutated(content, rng)


def _with_another_value(content: bytes, rng: np.random.Generator) -> bytes:
    """Put another value in the place of one, or none, anywhere in a document of JSON."""
    document = json.loads(content)
    # Neither dict nor list alone has the keys of both.
    places: list[tuple[Any, str | int]] = []

    def walk(value: object) -> None:
        if isinstance(value, dict | list):
            for key in value if isinstance(value, dict) else range(len(value)):
                places.append((value, key))
                walk(value[key])

    walk(document)
    parent, key = places[rng.integers(len(places))]
    if rng.random() < 0.2:
        del parent[key]
    else:
        parent[key] = _VALUES[rng.integers(len(_VALUES))]
    return json.dumps(document).encode()


_VALUES: tuple[object, ...] = (
    None, True, 0, -1, 2**31, 2**63, 10**400, 1.5, -0.0, 1e308, "", "\ud800", "\x1b[2J", "a" * 9999,
    [], {}, [[]] * 500, {"a": {"a": {}}}, [1, 2, 3], [0, 0, 1, 1], 4096, 1e-320,
)  # fmt: skip


def _place(data: bytearray, rng: np.random.Generator) -> int:
    """Anywhere, but every second time in the head, where sizes and formats are written."""
    length = max(1, len(data))
    return int(rng.integers(min(length, 512) if rng.random() < 0.5 else length))


def _flip(data: bytearray, rng: np.random.Generator) -> None:
    for _ in range(rng.integers(1, 9)):
        if data:
            data[_place(data, rng)] ^= 1 << int(rng.integers(8))


def _noise(data: bytearray, rng: np.random.Generator) -> None:
    place, length = _place(data, rng), int(rng.integers(1, 65))
    data[place : place + length] = rng.bytes(min(length, max(0, len(data) - place)))


def _extreme(data: bytearray, rng: np.random.Generator) -> None:
    place, width = _place(data, rng), (1, 2, 4)[rng.integers(3)]
    value = _EXTREMES[rng.integers(len(_EXTREMES))] & (256**width - 1)
    order: Literal["big", "little"] = "little" if rng.integers(2) else "big"
    data[place : place + width] = value.to_bytes(width, order)


def _cut(data: bytearray, rng: np.random.Generator) -> None:
    del data[_place(data, rng) :]


def _drop(data: bytearray, rng: np.random.Generator) -> None:
    place = _place(data, rng)
    del data[place : place + int(rng.integers(1, 257))]


def _repeat(data: bytearray, rng: np.random.Generator) -> None:
    first, length = _place(data, rng), int(rng.integers(1, 257))
    place = _place(data, rng)
    data[place:place] = data[first : first + length] * int(rng.integers(1, 4))


def _exchange(data: bytearray, rng: np.random.Generator) -> None:
    first, second, length = _place(data, rng), _place(data, rng), int(rng.integers(1, 129))
    one, other = data[first : first + length], data[second : second + length]
    data[first : first + length], data[second : second + length] = other, one


_CHANGES = (_flip, _noise, _extreme, _extreme, _cut, _drop, _repeat, _exchange)
