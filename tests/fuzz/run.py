"""Reading many mutated files under limits of time and memory."""

import queue
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.kinds import KINDS, MEGABYTES, SECONDS

ROOT = Path(__file__).parents[2]


@dataclass
class Tally:
    """What came of the files of a kind.

    Parameters
    ----------
    outcomes
        How many were read, and how many refused with which error.
    faults
        Of each other outcome the number of the file and what happened.
    slowest, peak
        Seconds of the slowest file, and megabytes of the largest process.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    faults: list[tuple[int, str]] = field(default_factory=list)
    slowest: float = 0.0
    peak: int = 0

    def add(self, number: int, seconds: float, megabytes: int, came: str) -> None:
        self.slowest = max(self.slowest, seconds)
        if megabytes > MEGABYTES >= self.peak:
            self.faults.append((number, f"{megabytes} MB"))
        self.peak = max(self.peak, megabytes)
        if seconds > SECONDS:
            self.faults.append((number, f"{seconds:.1f} seconds"))
        if came.startswith("other"):
            self.faults.append((number, came))
        self.outcomes[came.partition(":")[0]] += 1


def fuzz(kind: str, count: int, seed: int, folder: Path, *, first: int = 0) -> Tally:
    """Read mutated files ``first`` to ``first + count`` of a kind."""
    originals = folder / "originals"
    originals.mkdir(parents=True)
    KINDS[kind].originals(originals)
    tally = Tally()
    number, last = first, first + count
    while number < last:
        number = _run_worker(kind, seed, number, last, folder, tally)
    return tally


def _run_worker(kind: str, seed: int, first: int, last: int, folder: Path, tally: Tally) -> int:
    """Have one process read files until it is done, dies or hangs; return the next number."""
    arguments = [kind, str(seed), str(first), str(last), str(folder)]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fuzz.worker", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        for line in process.stdout or ():
            lines.put(line)
        lines.put(None)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    begun = None
    number = first
    try:
        while True:
            # The process itself says when a file took too long; this is for one that never ends.
            line = lines.get(timeout=120 if begun is None else 6 * SECONDS)
            if line is None:
                break
            word, at, *rest = line.split(maxsplit=4)
            number = int(at)
            if word == "begin":
                begun = number
            else:
                tally.add(number, float(rest[0]), int(rest[1]), rest[2].strip())
                begun, number = None, number + 1
    except queue.Empty:
        process.kill()
        tally.faults.append((number, "hangs"))
        tally.outcomes["hang"] += 1
        return number + 1
    finally:
        process.wait()
        reader.join()
        process.stdout.close()
    if begun is None and number >= last:
        return number
    tally.faults.append((number, f"the process ends with {process.returncode}"))
    tally.outcomes["crash"] += 1
    return number + 1
