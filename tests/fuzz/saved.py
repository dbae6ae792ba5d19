"""Saved explanations that were damaged at random: each opens, or is refused in one line."""

import json
import os
import random
import resource
import time
from collections.abc import Callable
from pathlib import Path

from tam.errors import TamError
from tam.files.storage import JSON_NAME, TENSORS_NAME, load_explanation, save_explanation
from tests.hand_made import explanation, several, with_grounding, with_stages

SLOWEST = 10.0
"""Seconds that one file may take."""


def fuzz_saved(seed: int, count: int, folder: Path) -> dict[str, int]:
    """Damage and open saved explanations.

    Parameters
    ----------
    seed
        The same seed damages the same files in the same way.
    count
        How many files.
    folder
        An empty folder to work in.

    Returns
    -------
    How many opened and how many were refused.

    Raises
    ------
    AssertionError
        If one ended in any other way, or took longer than `SLOWEST`.
    """
    rng = random.Random(seed)
    originals = []
    for number, made in enumerate((explanation(), with_stages(with_grounding(several(), [0.5])))):
        place = folder / f"original-{number}"
        place.mkdir()
        save_explanation(made, place)
        originals.append(tuple((place / name).read_bytes() for name in (JSON_NAME, TENSORS_NAME)))
    damaged = folder / "damaged"
    damaged.mkdir()
    outcomes = {"opened": 0, "refused": 0}
    for number in range(count):
        document, tensors = rng.choice(originals)
        if rng.random() < 0.6:
            document = rng.choice(_DOCUMENT)(rng, document)
        else:
            tensors = rng.choice(_BYTES)(rng, tensors)
        (damaged / JSON_NAME).write_bytes(document)
        (damaged / TENSORS_NAME).write_bytes(tensors)
        start = time.monotonic()
        try:
            load_explanation(damaged)
            outcomes["opened"] += 1
        except TamError:
            outcomes["refused"] += 1
        except Exception as error:
            raise AssertionError(f"file {number} of seed {seed}: {error!r}") from error
        assert time.monotonic() - start < SLOWEST, f"file {number} of seed {seed}"
    return outcomes


def _flip(rng: random.Random, content: bytes) -> bytes:
    changed = bytearray(content)
    # Most of what matters stands at the beginning: the header of the tensors, the fields.
    reach = len(changed) if rng.random() < 0.5 else min(len(changed), 4000)
    for _ in range(rng.randint(1, 8)):
        changed[rng.randrange(reach)] = rng.randrange(256)
    return bytes(changed)


def _cut(rng: random.Random, content: bytes) -> bytes:
    start = rng.randrange(len(content))
    return content[:start] + content[start + rng.choice((1, 8, 500, len(content))) :]


def _repeat(rng: random.Random, content: bytes) -> bytes:
    start = rng.randrange(len(content))
    piece = content[start : start + rng.randint(1, 200)]
    return content[:start] + piece * rng.choice((2, 10, 1000)) + content[start:]


def _lengths(rng: random.Random, content: bytes) -> bytes:
    return rng.choice((0, 1, 2**31, 2**63 - 1, 2**64 - 1)).to_bytes(8, "little") + content[8:]


def _value(rng: random.Random, content: bytes) -> bytes:
    """Put another value in the place of one, anywhere in the document."""
    document = json.loads(content)
    places: list[tuple[dict[str, object] | list[object], str | int]] = []

    def walk(value: object) -> None:
        if isinstance(value, dict | list):
            keys = value if isinstance(value, dict) else range(len(value))
            for key in keys:
                places.append((value, key))
                walk(value[key])

    walk(document)
    parent, key = rng.choice(places)
    if rng.random() < 0.2:
        del parent[key]  # type: ignore[arg-type]
    else:
        parent[key] = rng.choice(_VALUES)  # type: ignore[index,call-overload]
    return json.dumps(document).encode()


_VALUES: tuple[object, ...] = (
    None, True, 0, -1, 2**31, 2**63, 10**400, 1.5, -0.0, 1e308, "", "\ud800", "\x1b[2J", "a" * 9999,
    [], {}, [[]] * 500, {"a": {"a": {}}}, [1, 2, 3], [0, 0, 1, 1], 4096, 1e-320,
)  # fmt: skip
_BYTES: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    _flip,
    _flip,
    _cut,
    _repeat,
    _lengths,
)
_DOCUMENT: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    _value, _value, _value, _value, _flip, _cut, _repeat,
)  # fmt: skip


def peak_memory() -> int:
    """The most memory that this process ever held, in bytes (Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    import sys
    import tempfile

    seed, count = int(sys.argv[1]), int(sys.argv[2])
    with tempfile.TemporaryDirectory() as name:
        print("saved explanations:", fuzz_saved(seed, count, Path(name)))
    print(f"peak memory: {peak_memory() / 2**20:.0f} MiB, process {os.getpid()}")
