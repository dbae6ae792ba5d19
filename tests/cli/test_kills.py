import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.promise(
    "evaluation", "a run that was killed", "can be resumed; nothing is lost or duplicated"
)
@pytest.mark.promise(
    "processes",
    "SIGKILL at random moments of `tam explain` and `tam export`",
    (
        "each file is complete or unchanged, and the next run cleans up the rest; `python "
        "-m tests.killing` kills each command at least 15 times"
    ),
)
def test_what_is_killed_leaves_whole_files_and_goes_on() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.killing", "--few", "--runs", "1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    kills = [int(line.split()[1]) for line in done.stdout.splitlines()]
    assert len(kills) == 3
    assert sum(kills) > 0
