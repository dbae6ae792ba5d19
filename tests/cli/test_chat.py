"""``tam chat`` as a process: what a person types, and what a terminal shows of it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from safetensors.torch import load_file, save_file

from tam.cli import run

ROOT = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "adapters")])}
TEMPLATE = "chat_template.jinja"


@pytest.fixture
def incomplete(qwen_folder: Path, tmp_path: Path) -> Path:
    """A model without one of its tensors, whose template reads a variable."""
    folder = Path(shutil.copytree(qwen_folder, tmp_path / "model"))
    tensors = load_file(folder / "model.safetensors")
    del tensors[next(name for name in sorted(tensors) if "down_proj" in name)]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    template = (folder / TEMPLATE).read_text("utf-8")
    (folder / TEMPLATE).write_text(template + "{% if enable_thinking %}think{% endif %}")
    return folder


@pytest.mark.promise(
    "conversations",
    "a line in `tam chat` that is not UTF-8",
    "refused with a one-line error; the chat continues as if it had not been entered",
)
@pytest.mark.promise(
    "models",
    "a checkpoint with missing tensors",
    "refused with their names; --allow-missing explains anyway, with a note",
)
def test_a_talk_with_odd_lines(incomplete: Path, tmp_path: Path) -> None:
    for name in ("a b.png", "it's.png"):
        Image.new("RGB", (56, 56), "red").save(tmp_path / name)
    typed = (
        b'/image "a b.png"\n'
        b"caf\xe9?\n"
        b"What is it?\n"
        b'/image "gone b.png"\n'
        b"/image it's.png\n"
        b"And this?\n"
    )
    terminal, stderr = os.openpty()
    options = ["--option", "enable_thinking=true", "--max-new-tokens", "2", "--out", "out"]
    with subprocess.Popen(
        [sys.executable, "-m", "tam", "chat", "-m", "model", "--allow-missing", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        cwd=tmp_path,
        env=ENVIRONMENT,
    ) as process:
        process.communicate(typed, timeout=120)
    os.close(stderr)
    told = b""
    while piece := _read(terminal):
        told += piece
    os.close(terminal)
    assert process.returncode == 0, told
    errors = [line.partition(";")[0] for line in told.decode().split("tam: ")[1:]]
    assert errors == [
        "user turn: the text contains a lone surrogate (half a character)",
        "gone b.png: no such file",
    ]
    assert b"Loading" not in told
    for reply in ("reply-1", "reply-2"):
        saved = (tmp_path / "out" / reply / "explanation.json").read_text("utf-8")
        assert "hold random numbers" in saved
        assert '"enable_thinking": true' in saved.replace('":true', '": true')
        assert ("it's.png" in saved) == (reply == "reply-2")


def _read(terminal: int) -> bytes:
    """What is left on a terminal whose other end is closed."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def test_missing_tensors_are_refused_and_the_way_on_is_named(
    incomplete: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (56, 56), "red").save(tmp_path / "a.png")
    asked = ["explain", str(tmp_path / "a.png"), "-p", "x", "-m", str(incomplete)]
    asked += ["--out", str(tmp_path / "out"), "--answer", "a dog"]
    assert run(asked) == 2
    assert "--allow-missing" in capsys.readouterr().err
    assert run([*asked, "--allow-missing"]) == 0
    capsys.readouterr()
    assert run(["check", str(tmp_path / "out"), "-m", str(incomplete)]) == 2
    assert run(["verify", str(incomplete)]) == 2
    assert capsys.readouterr().err.count("--allow-missing") == 2
