"""Only regular files are read, of bounded size and with bounded decoded content."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tam.cli import run
from tam.errors import ConversationError, SavedFileError
from tam.files.png import encode_png
from tam.files.reading import JSON_VALUES, read_bounded, read_json
from tam.files.storage import JSON_NAME, TENSORS_NAME, load_explanation, save_explanation
from tests.hand_made import explanation


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    folder = tmp_path / "saved"
    folder.mkdir()
    save_explanation(explanation(), folder)
    return folder


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _zeros(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _pipe_behind_a_link(path: Path) -> None:
    os.mkfifo(path.with_name("pipe"))
    path.symlink_to("pipe")


def _folder(path: Path) -> None:
    path.mkdir()


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


@pytest.mark.promise(
    "saved files",
    "a pipe, a device, a folder or a link to one instead of a saved file",
    "refused at once, never read endlessly",
)
@pytest.mark.parametrize("make", [_pipe, _zeros, _pipe_behind_a_link, _folder, _loop])
@pytest.mark.parametrize("name", [JSON_NAME, TENSORS_NAME])
def test_only_regular_files_are_read(saved: Path, name: str, make: Callable[[Path], None]) -> None:
    (saved / name).unlink()
    make(saved / name)
    with pytest.raises(SavedFileError, match=r"regular file|cannot be read|is missing"):
        load_explanation(saved)


@pytest.mark.promise(
    "conversations",
    "a pipe or a device instead of a file of messages",
    "refused at once, exit code 2",
)
@pytest.mark.parametrize("make", [_pipe, _zeros])
def test_a_conversation_is_a_regular_file(
    tmp_path: Path, make: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path / "talk.json")
    arguments = ["explain", "--conversation", str(tmp_path / "talk.json")]
    assert run([*arguments, "--out", str(tmp_path / "out")]) == 2
    assert "is not a regular file" in capsys.readouterr().err


@pytest.mark.promise(
    "saved files",
    "JSON of a few megabytes that would parse to gigabytes",
    "its values are counted before it is parsed",
)
def test_json_is_measured_before_it_is_parsed(saved: Path) -> None:
    for piece in ("[],", '{"":0},'):
        (saved / JSON_NAME).write_text("[" + piece * JSON_VALUES + "0]")
        start = time.monotonic()
        with pytest.raises(SavedFileError, match=f"values; the limit is {JSON_VALUES}"):
            load_explanation(saved)
        assert time.monotonic() - start < 5


@pytest.mark.promise(
    "saved files", "a JSON document that is longer than any explanation", "refused at a size limit"
)
def test_no_more_is_read_than_allowed(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps("x" * 100))
    assert read_json(path, remedy="") == "x" * 100
    with pytest.raises(ConversationError, match="longer than 100 bytes"):
        read_bounded(path, 100, remedy="", kind=ConversationError)


@pytest.mark.promise(
    "saved files",
    "a sparse file with gigabytes of tensors",
    "refused before it is read",
)
def test_a_file_of_holes_is_refused(saved: Path) -> None:
    path = saved / TENSORS_NAME
    os.truncate(path, 2**31)
    with pytest.raises(SavedFileError, match="claims to hold 2147483648 bytes"):
        load_explanation(saved)


@pytest.mark.promise(
    "saved files",
    "half a megabyte of PNG that decodes to gigabytes",
    "measured before anything is decoded; never more than 1 GB",
)
def test_a_picture_that_grows_thousandfold_is_refused(saved: Path) -> None:
    side = 12_000
    held = load_file(saved / TENSORS_NAME)
    bomb = np.zeros((side, side, 3), np.uint8)
    held["media.0.frame.0"] = np.frombuffer(encode_png(bomb, compress_level=9), np.uint8)
    save_file(held, saved / TENSORS_NAME)
    document = json.loads((saved / JSON_NAME).read_text())
    document["media"][0].update(width=side, height=side)
    (saved / JSON_NAME).write_text(json.dumps(document))
    with pytest.raises(SavedFileError, match="decode to 144000000 pixels"):
        load_explanation(saved)


@pytest.mark.promise(
    "saved files", "a safetensors header that claims to be enormous", "refused before it is read"
)
def test_a_header_is_bounded(saved: Path) -> None:
    path = saved / TENSORS_NAME
    content = path.read_bytes()
    path.write_bytes((2**40).to_bytes(8, "little") + content[8:])
    with pytest.raises(SavedFileError):
        load_explanation(saved)
    path.write_bytes((2**25).to_bytes(8, "little") + b" " * 2**25)
    with pytest.raises(SavedFileError, match="header of 33554432 bytes"):
        load_explanation(saved)


@pytest.mark.promise(
    "output",
    "a name over 255 bytes, a link to itself, a file in place of a folder",
    "a one-line error and exit code 2",
)
@pytest.mark.parametrize("command", ["show", "export", "compare", "explain"])
def test_what_the_system_refuses_is_one_line(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to("loop")
    for name in ("x" * 300, str(loop), str(loop / "deeper"), __file__ + "/deeper"):
        arguments = {
            "show": [name],
            "export": [name, "--as", "csv"],
            "compare": [name, name, "--out", str(tmp_path / "a.html")],
            "explain": [str(tmp_path / "a.png"), "-p", "What?", "--out", name],
        }
        assert run([command, *arguments[command]]) == 2, name
        said = capsys.readouterr()
        assert said.err.count("\n") == 1
        assert "unexpected" not in said.err


def test_reading_needs_neither_torch_nor_numpy() -> None:
    code = "import sys, tam.files.reading; sys.exit('numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
