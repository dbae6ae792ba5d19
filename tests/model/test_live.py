"""``tam explain --live``: words and maps in the terminal while the model writes."""

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tam
from tam.cli import run

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 255, (90, 120, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "noise.png")
    return tmp_path / "noise.png"


def live(folder: Path, picture: Path, tokens: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tam", "explain", str(picture), "--live", "-p", "What is it?"]
    out = str(picture.parent / "out")
    return subprocess.Popen(
        [*command, "-m", str(folder), "-o", out, "--max-new-tokens", str(tokens)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background job ignores interrupts, and its children inherit that.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.default_int_handler),
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "adapters")])},
    )


def test_words_and_maps_come_before_the_table(qwen_folder: Path, picture: Path) -> None:
    with live(qwen_folder, picture, tokens=12) as process:
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    loaded = tam.load_explanation(picture.parent / "out")
    came, _, _ = out.partition("assistant:")
    assert came.count("probability") == len(loaded.words)
    assert came.count("noise.png") >= len(loaded.words), "each word with its map"
    assert "report.html" in out


def test_it_can_be_interrupted(qwen_folder: Path, picture: Path) -> None:
    with live(qwen_folder, picture, tokens=3000) as process:
        assert process.stdout is not None
        line = ""
        while "probability" not in line:
            line = process.stdout.readline()
            assert line, "it ended without a word"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in err
    assert not (picture.parent / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(["--json"], "leave out --live or --json")],
)
def test_what_cannot_be_shown_live_is_refused_at_once(
    arguments: list[str], told: str, picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(picture.parent / "out")
    words = ["explain", str(picture), "-p", "What?", "-m", "none", "-o", out, "--live", *arguments]
    assert run(words) == 2
    assert told in capsys.readouterr().err
