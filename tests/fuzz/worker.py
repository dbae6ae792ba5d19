"""The process that reads mutated files, one after the other, and says of each how it went.

Arguments: kind, seed, first number, number after the last, folder. For each file a line with its
number when it begins and one with the outcome when it is done.
"""

import sys
import time
import zlib
from pathlib import Path

import numpy as np

from tam.errors import TamError
from tests.fuzz.kinds import KINDS, SECONDS


def mutant(kind: str, seed: int, number: int, originals: list[Path], folder: Path) -> Path:
    """Write the mutated file of a number, always the same for the same seed."""
    rng = np.random.default_rng([seed, zlib.crc32(kind.encode()), number])
    original = originals[number % len(originals)]
    path = folder / f"{original.stem}{original.suffix}"
    path.write_bytes(KINDS[kind].mutate(original.read_bytes(), rng))
    return path


def outcome(kind: str, path: Path) -> str:
    """Read a file; name what came of it."""
    try:
        KINDS[kind].read(path)
    except TamError as error:
        return f"refused {type(error).__name__}"
    except BaseException as error:
        return f"other {type(error).__name__}: {str(error)[:200]!r}"
    return "read"


def timed(kind: str, path: Path) -> tuple[str, float]:
    """Read a file; name what came of it and how many seconds it took."""
    begun = time.monotonic()
    came = outcome(kind, path)
    return came, time.monotonic() - begun


def main() -> None:
    kind, seed, first, last, folder = sys.argv[1:]
    here = Path(folder)
    originals = sorted((here / "originals").iterdir())
    (here / "mutants").mkdir(exist_ok=True)
    for number in range(int(first), int(last)):
        path = mutant(kind, int(seed), number, originals, here / "mutants")
        print("begin", number, flush=True)
        came, seconds = timed(kind, path)
        if seconds > SECONDS:  # on a machine that others use too, twice is more than chance
            came, seconds = min(timed(kind, path), (came, seconds), key=lambda pair: pair[1])
        print("end", number, f"{seconds:.3f}", peak(), came, flush=True)
        path.unlink()


def peak() -> int:
    """The most memory in MB that this process or one that it started has held so far."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    unit = 2**20 if sys.platform == "darwin" else 2**10
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // unit
    status = Path("/proc/self/status")
    if not status.exists():
        return max(children, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit)
    # On Linux ru_maxrss also counts what the process that started this one held.
    [own] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
    return max(children, int(own.split()[1]) // 2**10)


if __name__ == "__main__":
    main()
