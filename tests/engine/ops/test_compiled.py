import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_kernels_compile_for_an_h100_and_stay_in_registers(tmp_path: Path) -> None:
    # A separate process, because this one may run the kernels in the interpreter.
    environment = {**os.environ, "TRITON_CACHE_DIR": str(tmp_path)}
    environment.pop("TRITON_INTERPRET", None)
    run = subprocess.run(
        [sys.executable, "-m", "tests.engine.ops.compile_kernels"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    kernels = json.loads(run.stdout)
    assert len(kernels) == 6
    assert all(kernel["stack"] == 0 for kernel in kernels.values()), "nothing is spilled"
    assert kernels["projection"]["matrix_units"]
