"""Two evaluations in one folder, and folders whose settings are damaged."""

import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tam.cli import run
from tam.evaluate.journal import blocks
from tam.evaluate.runner import LOCK, SETTINGS
from tam.files.locks import lock_file

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
