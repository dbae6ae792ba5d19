import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from tam.errors import InputError, OutputError, ResourceError
from tam.files.kinds import KINDS
from tam.render.export import export
from tam.render.pictures import overlay
from tam.render.sheet import contact_sheet
from tam.render.table import words_csv
from tests.hand_made import explanation, several

ROOT = Path(__file__).parents[2]
# Whatever shows, saves or exports must run where neither is installed.
WITHOUT_TORCH = (
    "import sys; sys.modules['torch'] = sys.modules['transformers'] = None\n"
    "from tam.cli import run; sys.exit(run(sys.argv[1:]))"
)


def tam(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=cwd,
        timeout=120,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "dog"
    explanation().save(folder)
    return folder


def test_every_kind_is_written_where_torch_is_missing(saved: Path) -> None:
    for kind, suffix in ((kind.name, kind.suffix) for kind in KINDS.values()):
        one = kind == "png"  # the map of one word
        words = ["--word", "greyhound"] if one else ["--word", "greyhound", "-w", 2]
        done = tam("export", saved, "--as", kind, *words, cwd=saved.parent)
        assert done.returncode == 0, done.stderr
        path = saved.parent / f"dog-tam{'-greyhound' if one else ''}{suffix}"
        assert done.stdout.strip() == str(path.resolve())
        assert path.stat().st_size > 400
    assert not list(saved.parent.glob(".tam-*"))
    with Image.open(saved.parent / "dog-tam.png") as sheet:
        expected = contact_sheet(explanation(), ["greyhound", 1])
        np.testing.assert_array_equal(np.asarray(sheet), expected)
    with Image.open(saved.parent / "dog-tam-greyhound.png") as picture:
        word = explanation().phrase("greyhound")
        heat, pixels = word.map(0), word.explanation.media[0].frames[0]
        covered = word.explanation.coverage(0)
        np.testing.assert_array_equal(np.asarray(picture), overlay(pixels, heat, covered=covered))
    with Image.open(saved.parent / "dog-tam.gif") as movie:
        assert movie.n_frames == 2
    with av.open(str(saved.parent / "dog-tam.mp4")) as movie:
        assert movie.streams.video[0].frames == 3
    table = (saved.parent / "dog-tam.csv").read_bytes()
    assert table == b"\xef\xbb\xbf" + words_csv(explanation()).encode()


def test_options_reach_what_is_written(tmp_path: Path) -> None:
    result = several()
    result.export(tmp_path / "a.png", [1, 2], together=True, media=1, colors="jet")
    with Image.open(tmp_path / "a.png") as sheet:
        drawn = np.asarray(sheet)
    word = result.phrase("grey greyhound", merge="maximum")
    np.testing.assert_array_equal(drawn, contact_sheet(result, [word], media=1, colors="jet"))
    result.export(tmp_path / "a.gif", [1], media=0, seconds=1.5)
    with Image.open(tmp_path / "a.gif") as movie:
        assert movie.info["duration"] == 1500


def test_a_file_of_someone_else_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "words.csv"
    path.write_text("mine")
    for force in (False, True):
        with pytest.raises(OutputError, match="exists already"):
            export(explanation(), path, force=force)
    assert path.read_text() == "mine"


def test_what_fails_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr("tam.render.writers.write_gif", full)
    with pytest.raises(ResourceError):
        export(explanation(), tmp_path / "a.gif")
    with pytest.raises(InputError):
        export(explanation(), tmp_path / "a.png", colors="none")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give --as KIND or --out FILE"),
        (["--as", "docx"], "use sheet, png, mp4, gif, csv, pdf, svg"),
        (["--out", "words.txt"], "ends in .png, .mp4"),
        (["--out", "words"], "a file without a suffix"),
        (["--as", "csv", "--out", "a.png"], "does not end in .csv"),
        (["--out", "nowhere/a.csv"], "a folder that does not exist"),
        (["--as", "csv", "--word", "cat"], "does not contain 'cat'"),
        (["--as", "sheet", "--picture", "3"], "picture 3 is out of range (1 to 1)"),
        (["--as", "sheet", "--picture", "0"], "picture 0 is out of range (1 to 1)"),
        (["--as", "csv", "--word", "0"], "word 0 is out of range (1 to 7)"),
        (["--as", "png"], "a PNG holds the map of one word or phrase, not of 7; name one"),
        (["--as", "sheet", "--frame", "1"], "one frame cannot be chosen for sheet"),
        (["--as", "png", "--word", "2", "--frame", "2"], "frame 2 is out of range"),
        (["--as", "gif", "--seconds", "0"], "a time above 0"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(
    saved: Path,
    tmp_path: Path,
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tam.cli import run

    shutil.copytree(saved, tmp_path / "copy")
    monkeypatch.chdir(tmp_path)
    assert run(["export", "copy", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("tam: ")
    assert error.count("\n") == 1
    assert message in error


def test_show_draws_a_words_map_where_torch_is_missing(saved: Path) -> None:
    done = tam("show", saved, "--word", "greyhound", cwd=saved.parent)
    assert done.returncode == 0, done.stderr
    assert "highest at" in done.stdout
    assert "█" in done.stdout
    assert "\x1b" not in done.stdout, "no colors into a pipe"


def test_a_terminal_that_cannot_spell_a_word_still_gets_the_rest(saved: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tam", "show", str(saved), "--word", "2"],
        capture_output=True,
        check=False,
        cwd=ROOT,
        timeout=60,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
    )
    assert done.returncode == 0, done.stderr
    assert b"greyhound" in done.stdout
