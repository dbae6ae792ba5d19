"""What only opens a saved explanation starts without torch, which takes seconds to import."""

import subprocess
import sys
from pathlib import Path

from tests.hand_made import explanation

COMMANDS = (
    ["show", "saved"],
    ["show", "saved", "--json"],
    ["show", "saved", "--word", "1"],
    ["export", "saved", "--as", "csv"],
    ["export", "saved", "--as", "sheet"],
    ["export", "saved", "--as", "gif", "--word", "1"],
    ["compare", "saved", "other"],
    ["masks", "saved", "--as", "boxes"],
)
PROGRAM = f"""
import sys
from tam.cli import run
for command in {COMMANDS}:
    assert run(command) == 0, command
    heavy = {{"torch", "transformers", "torchvision"}} & set(sys.modules)
    assert not heavy, (command, heavy)
"""


def test_what_opens_a_saved_explanation_never_imports_torch(tmp_path: Path) -> None:
    explanation().save(tmp_path / "saved")
    explanation(seed=3).save(tmp_path / "other")
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, cwd=tmp_path, timeout=120)
