"""The command line as a process: kills, signals, closed streams, full devices, hostile text."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tam.cli import run
from tam.files.storage import load_explanation
from tam.text.printable import json_text, printable
from tests.hand_made import explanation, picture

ROOT = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "adapters")])}
HOSTILE = "\x1b[2J\x1b]0;x\x07\x9b31m\x7f\u202e\ud800\r"
UNFIT = {"\x1b", "\x07", "\x9b", "\x7f", "\u202e"}


def shell(line: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", line.replace("tam ", f"{sys.executable} -m tam ", 1)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=cwd,
        env=ENVIRONMENT,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("processes") / "saved"
    explanation(reply=("A", " dog")).save(folder)
    return folder


@pytest.mark.promise("processes", "`tam models | head`", "ends quietly with exit code 0")
def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    done = shell("tam models | head -1; exit ${PIPESTATUS[0]}", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.promise(
    "output", "standard output on a full device", "a one-line error and exit code 4"
)
@pytest.mark.parametrize("command", ["models", "show saved"])
def test_a_full_device_is_told(command: str, saved: Path) -> None:
    done = shell(f"tam {command} > /dev/full", saved.parent)
    assert done.returncode == 4
    assert "No space left" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.promise(
    "processes", "standard error is closed", "errors are dropped and not written to the output"
)
def test_a_closed_stderr(tmp_path: Path) -> None:
    done = shell("tam show nothing 2>&-", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "")


@pytest.mark.promise("processes", "COLUMNS=0", "a width of 80 columns is used")
def test_no_columns(saved: Path) -> None:
    done = shell(f"export COLUMNS=0; tam show {saved}".replace("tam ", "tam ", 1), saved.parent)
    assert done.returncode == 0
    assert "dog" in done.stdout


@pytest.mark.promise(
    "processes",
    "SIGTERM or SIGHUP while files are written",
    "no temporary folder is left; exit code 128 and the signal's number",
)
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_leaves_nothing(name: str, tmp_path: Path) -> None:
    number = getattr(signal, name)
    # Whoever started the tests may ignore the signal, as nohup does; children inherit that.
    program = f"import signal; signal.signal({number:d}, signal.SIG_DFL)\n{_SLOW}"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "explain"], cwd=tmp_path, env=ENVIRONMENT, stderr=-1
    )
    _wait_for(tmp_path, ".tam-*")
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + number, said
    assert name.encode() in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("more", [[], ["again"]])
def test_a_signal_is_told_as_such_whatever_a_library_makes_of_it(
    more: list[str], tmp_path: Path
) -> None:
    process = subprocess.run(
        [sys.executable, "-c", _SWALLOWED, "explain", *more],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert process.returncode == 128 + signal.SIGTERM
    assert process.stderr == "tam: stopped by SIGTERM; no partial file was left\n"


@pytest.mark.promise(
    "processes",
    "files that SIGKILL leaves behind",
    (
        "the next run in the same folder removes them, by their mark and only if their "
        "process has ended"
    ),
)
def test_the_next_run_sweeps_what_a_kill_left(tmp_path: Path) -> None:
    (tmp_path / ".tam-0123456789abcdef.new").mkdir()
    running = subprocess.Popen(
        [sys.executable, "-c", _SLOW, "explain"], cwd=tmp_path, env=ENVIRONMENT
    )
    killed = subprocess.Popen(
        [sys.executable, "-c", _SLOW, "explain"], cwd=tmp_path, env=ENVIRONMENT
    )
    try:
        _wait_for(tmp_path, ".tam-*.lock", 2)
        killed.kill()
        killed.wait()
        explanation(reply=("A",)).save(tmp_path / "out")
        # The running process has its files still, and nobody's folder of such a name stays too.
        left = {path.name for path in tmp_path.iterdir()} - {"out", ".tam-0123456789abcdef.new"}
        assert len([name for name in left if name.endswith(".lock")]) == 1
        assert len(left) == 2
    finally:
        running.kill()
        running.wait()
    explanation(reply=("A",)).save(tmp_path / "out", force=True)
    assert {p.name for p in tmp_path.iterdir()} == {"out", ".tam-0123456789abcdef.new"}


def test_what_was_put_aside_comes_back(tmp_path: Path) -> None:
    """A kill between two renames: the earlier explanation gets its name back."""
    explanation(reply=("old",)).save(tmp_path / "out")
    mark = ".tam-0123456789abcdef"
    (tmp_path / "out").rename(tmp_path / f"{mark}-old")
    (tmp_path / f"{mark}.new").mkdir()
    lock = {"mark": "tam.lock", "process": 1, "machine": os.uname().nodename, "target": "out"}
    (tmp_path / f"{mark}.lock").write_text(json.dumps(lock))
    assert run(["explain", "none.png", "-p", "x", "--out", str(tmp_path / "out")]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert load_explanation(tmp_path / "out").text == "old"


# Writes an explanation or a movie, over and over or once, with a long pause where asked.
_SLOW = """
import sys, time
import tam.report.folder
from tam.cli import main
from tests.hand_made import explanation
import tam.cli.app
tam.report.folder.report_html = lambda *_, **__: time.sleep(100)
tam.cli.app.app = lambda *_, **__: explanation(reply=("A",)).save("out")
main()
"""
# Compiled code can turn the exception of a signal into an error of its own.
_SWALLOWED = """
import os, signal, sys, time
from tam.cli import main
import tam.cli.app
def answer(*_, **__):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)
    except BaseException as error:
        if sys.argv[2:] != ["again"]:
            raise ValueError("while writing") from error
    time.sleep(10)
tam.cli.app.app = answer
main()
"""


def _wait_for(folder: Path, pattern: str, count: int = 1) -> None:
    deadline = time.monotonic() + 60
    while len(list(folder.glob(pattern))) < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.promise(
    "hostile words",
    "escape sequences in a file of messages (role, text, path)",
    "none reaches the terminal",
)
def test_messages_steer_no_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    talk = tmp_path / "escape-conversation.json"
    for part in (
        {"type": HOSTILE},
        {"type": "image", "path": f"{HOSTILE}.png"},
        {"type": "video", "path": f"{HOSTILE}.mp4"},
        {"type": "video", "path": "\x1b]0;pwned\x07\x1b[31mgone.mp4"},
    ):
        for role in ("user", HOSTILE):
            content = [part, {"type": "text", "text": "hi"}]
            talk.write_text(json.dumps([{"role": role, "content": content}]))
            arguments = ["explain", "--conversation", str(talk), "--out", str(tmp_path / "out")]
            assert run([*arguments, "--debug"]) == 2
            said = capsys.readouterr()
            assert not UNFIT & set(said.out + said.err)


@pytest.mark.promise(
    "hostile words",
    "escape sequences in a saved explanation: words, prompts, names, provenance",
    "`show`, `show --word` and `show --json` print none, and JSON keeps every character",
)
def test_saved_words_steer_no_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    named = [picture(name=f"{HOSTILE}.png")]
    result = explanation(named, prompt=(HOSTILE,), reply=("A", f" {HOSTILE}dog"))
    result.save(tmp_path / "out")
    for arguments in ([], ["--word", "1"], ["--json"]):
        assert run(["show", str(tmp_path / "out"), *arguments]) == 0
        said = capsys.readouterr()
        assert not UNFIT & set(said.out + said.err)
    assert json.loads(said.out)["words"][1]["text"] == f"{HOSTILE}dog".strip()


@pytest.mark.promise(
    "hostile words",
    "C0, C1, DEL, bidirectional controls, lone surrogates, U+FFFE in any text",
    "removed for terminals, escaped in JSON",
)
def test_every_control_is_unfit() -> None:
    for code in (*range(0x20), *range(0x7F, 0xA0), 0x202E, 0x2066, 0xFEFF, 0xFFFE, 0xD800):
        character = chr(code)
        kept = character if character in "\n\t" else "\ufffd" if code == 0xD800 else ""
        assert printable(character) == kept
        assert json.loads(json_text(character)) == character
        assert character not in json_text(f"a{character}") or character in "\n\t"


@pytest.mark.promise(
    "hostile words", "names and errors with several lines", "each error is one line"
)
def test_an_error_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["show", str(tmp_path / "a\ntam: all is well")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
