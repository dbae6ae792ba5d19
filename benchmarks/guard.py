"""Times the waits that the toolkit adds to the model, as ratios to plain work in the same run.

    python benchmarks/guard.py [--only start,saving] [--repeats 10] [--json]

Times are CPU seconds, including those of started programs, and medians of repeats; the two sides of
a ratio take turns. The exit code is 1 if a limit is exceeded. Needs Linux or macOS.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

# Appended last, so that PYTHONPATH can select another version of the toolkit to time.
sys.path.append(str(Path(__file__).parent.parent))

from benchmarks.guarded import WAITS
from benchmarks.pairs import Line


def main() -> int:
    """Time, print, and fail if a limit is exceeded."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default=",".join(WAITS), help=f"some of {', '.join(WAITS)}")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    names = options.only.split(",")
    unknown = [name for name in names if name not in WAITS]
    if unknown:
        parser.error(f"--only {unknown[0]}: choose of {', '.join(WAITS)}")
    lines: list[Line] = []
    for name in names:
        for line in WAITS[name](options.repeats):
            lines.append(line)
            print(row(line), file=sys.stderr, flush=True)
    told = [{**asdict(line), "met": line.met} for line in lines]
    print(json.dumps(told, indent=2) if options.json else table(lines))
    return 0 if all(line.met for line in lines) else 1


def table(lines: Sequence[Line]) -> str:
    """Return the lines as a Markdown table."""
    threads = os.environ.get("OMP_NUM_THREADS", "as many as torch chooses")
    return "\n".join(
        [
            f"Python {platform.python_version()}, {os.cpu_count()} cores, "
            f"OMP_NUM_THREADS {threads}.",
            "",
            "| what | measured | limit | met | seconds | against | seconds |",
            "| --- | ---: | ---: | --- | ---: | --- | ---: |",
            *map(row, lines),
        ]
    )


def row(line: Line) -> str:
    """Return one row of the table."""
    measured = f"{_figure(line.value)} {line.unit}"
    if line.note:
        measured += f" ({line.note})"
    limit = f"{'at least' if line.at_least else 'at most'} {line.limit:g}"
    cells = [line.name, measured, limit, "yes" if line.met else "no", _seconds(line.seconds)]
    return "| " + " | ".join([*cells, line.against, _seconds(line.plain_seconds)]) + " |"


def _figure(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main())
