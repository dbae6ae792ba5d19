"""The long form: ``python -m tests.fuzz [--kind KIND] [--count N] [--seed N] [--first N]``."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.kinds import KINDS
from tests.fuzz.run import fuzz


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--kind", choices=KINDS, action="append", help="all without it")
    parser.add_argument("--count", type=int, help="files of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first file")
    asked = parser.parse_args()
    failed = False
    for kind in asked.kind or KINDS:
        begun = time.monotonic()
        count = asked.count or KINDS[kind].long
        with tempfile.TemporaryDirectory() as folder:
            tally = fuzz(kind, count, asked.seed, Path(folder) / kind, first=asked.first)
        outcomes = ", ".join(f"{number} {name}" for name, number in tally.outcomes.most_common())
        print(
            f"{kind}: {outcomes}; slowest {tally.slowest:.1f} s, peak {tally.peak} MB, "
            f"{time.monotonic() - begun:.0f} s in all",
            flush=True,
        )
        for number, fault in tally.faults:
            print(f"  file {number} (--kind {kind} --seed {asked.seed}): {fault}", flush=True)
        failed |= bool(tally.faults)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
