import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.promise(
    "evaluation", "a run that was killed", "goes on where it stopped; nothing lost or double"
)
@pytest.mark.promise(
    "processes",
    "SIGKILL at random moments of `tam explain` and `tam export`",
    "each file is whole or as it was, and the next run leaves nothing else; `python -m "
    "tests.killing` kills each 15 times and more",
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
