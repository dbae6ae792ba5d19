"""Two evaluations in one folder, and folders whose settings are damaged."""

import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from tam.cli import run
from tam.evaluate.journal import blocks
from tam.evaluate.run_folder import LOCK, SETTINGS
from tam.files.locks import lock_file
from tam.model.shipped import weights_folder

_HOLDS = """
import sys, time
from pathlib import Path
from tam.files.locks import lock_file
with lock_file(Path(sys.argv[1])) as held:
    print(held, flush=True)
    time.sleep(100)
"""
FEW = ["--split", "one", "--count", "1", "--methods", "center", "--faithful-words", "0"]


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock of an evaluation's folder."""
    (tmp_path / "out").mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDS, str(tmp_path / "out" / LOCK)],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        yield process
        process.kill()


@pytest.mark.promise(
    "evaluation",
    "two evaluations in one folder at the same time",
    (
        "the second is refused, and the error names the process that works there; a killed "
        "process blocks nothing"
    ),
)
def test_a_second_evaluation_is_told_who_works_there(
    other: subprocess.Popen[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "out"
    assert run(["evaluate", "--out", str(folder), *FEW]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"another evaluation works in it: process {other.pid} on " in said
    assert [path.name for path in folder.iterdir()] == [LOCK]
    other.kill()
    other.wait()
    with lock_file(folder / LOCK) as held:
        assert held


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """The folder of a model whose weights a test may change."""
    return Path(shutil.copytree(weights_folder("small"), tmp_path / "model"))


def train_further(folder: Path) -> None:
    path = folder / "model.safetensors"
    save_file({name: w * 1.01 for name, w in load_file(path).items()}, path, {"format": "pt"})


@pytest.mark.promise(
    "evaluation",
    "a model that was trained further between two runs into the same folder",
    "the second run is refused in one line, and the results are left unchanged",
)
def test_results_of_other_weights_are_never_mixed(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "out"
    asked = ["evaluate", "--out", str(folder), "--model", str(trained), *FEW]
    assert run(asked) == 0
    assert run([*asked, "--methods", "center,random"]) == 0
    assert len(blocks(folder)) == 2
    capsys.readouterr()
    train_further(trained)
    assert run([*asked, "--methods", "center,tam"]) == 2
    said = capsys.readouterr().err
    assert "with other weights" in said.splitlines()[-1]
    assert len(blocks(folder)) == 2


@pytest.mark.promise(
    "evaluation",
    "damaged settings of an evaluation",
    "a one-line error, and the folder is left unchanged",
)
@pytest.mark.parametrize(
    "content", [b"[]", b"null", b"{", b"{}", b'"x"', b"1e999", b"\xff\x00", b"", b"[" * 100_000]
)
def test_damaged_settings_are_one_line(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / SETTINGS).write_bytes(content)
    assert run(["evaluate", "--out", str(tmp_path), *FEW]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == [SETTINGS]
    assert (tmp_path / SETTINGS).read_bytes() == content


@pytest.mark.promise(
    "evaluation",
    "a full disk",
    ("a one-line error, exit code 4; finished measurements are kept, and the run can be resumed"),
)
def test_a_full_disk_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "out"
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    for size, full in ((64, SETTINGS), (200, "results-000.jsonl"), (5_000, "cases-small.html")):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
        try:
            assert run(["evaluate", "--out", str(folder), *FEW]) == 4
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert f"{full}: cannot be written: File too large" in said
        assert not (folder / full).exists() or not blocks(folder)
    assert run(["evaluate", "--out", str(folder), *FEW]) == 0
    assert len(blocks(folder)) == 1
