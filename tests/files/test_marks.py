"""Only files that tam wrote and nobody changed are replaced."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tam.cli import run
from tam.errors import OutputError
from tam.explanation.explanation import Explanation
from tam.files.kinds import KINDS
from tam.files.marks import is_marked
from tam.render.export import export
from tam.report.comparison import compare
from tests.hand_made import explanation

FEW = [1]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("marks") / "clip"
    explanation(reply=("A", " dog")).save(folder)
    return folder


@pytest.fixture(scope="module")
def short() -> Explanation:
    return explanation(reply=("A", " dog"))


@pytest.mark.promise(
    "output",
    "a PNG, GIF, MP4, PDF or SVG that tam wrote, and the same file with one byte changed",
    "recognized by a mark with its digest; a changed file counts as the user's",
)
@pytest.mark.parametrize("suffix", [k.suffix for k in KINDS.values() if k.suffix != ".csv"])
def test_each_kind_of_file_has_a_mark(suffix: str, short: Explanation, tmp_path: Path) -> None:
    path = export(short, tmp_path / f"a{suffix}", FEW)
    assert is_marked(path)
    assert export(short, path, FEW, force=True) == path
    with pytest.raises(OutputError, match="replace it with --force"):
        export(short, path, FEW)
    changed = bytearray(path.read_bytes())
    changed[len(changed) // 2] ^= 1
    path.write_bytes(bytes(changed))
    with pytest.raises(OutputError, match="not an unchanged file"):
        export(short, path, FEW, force=True)
    assert path.read_bytes() == bytes(changed)


@pytest.mark.promise(
    "output",
    "--force with --out naming another program's file",
    "refused, and the file is left unchanged",
)
@pytest.mark.parametrize("suffix", [kind.suffix for kind in KINDS.values()])
def test_force_replaces_no_foreign_file(suffix: str, saved: Path, tmp_path: Path) -> None:
    path = tmp_path / f"mine{suffix}"
    path.write_bytes(b"mine, tam.export:" + b"0" * 64)
    arguments = ["export", str(saved), "--out", str(path), "--word", "1"]
    assert run(arguments) == 2
    assert run([*arguments, "--force"]) == 2
    assert path.read_bytes() == b"mine, tam.export:" + b"0" * 64


def test_an_edited_export_is_the_users(short: Explanation, tmp_path: Path) -> None:
    path = export(short, tmp_path / "sheet.png", FEW)
    with Image.open(path) as picture:
        picture.load()
        edited = Image.fromarray(255 - np.asarray(picture))
        edited.info.update(picture.info)
    from PIL.PngImagePlugin import PngInfo

    kept = PngInfo()
    kept.add_text("Comment", str(edited.info["Comment"]))
    edited.save(path, pnginfo=kept)
    assert not is_marked(path)
    with pytest.raises(OutputError):
        export(short, path, FEW, force=True)


@pytest.mark.promise(
    "output",
    "`tam export clip --as mp4` beside the user's own clip.mp4",
    "the default name is never that of another program's file",
)
@pytest.mark.parametrize("kind", ["sheet", "gif", "csv", "svg"])
def test_a_default_never_names_a_users_file(
    kind: str, saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(saved, tmp_path / "clip")
    suffix = KINDS[kind].suffix
    mine = [tmp_path / f"clip{end}{suffix}" for end in ("", "-tam")]
    for path in mine:
        path.write_bytes(b"mine")
    arguments = ["export", str(tmp_path / "clip"), "--as", kind, "--word", "1"]
    assert run([*arguments, "--force"]) == 0
    written = tmp_path / f"clip-tam-2{suffix}"
    assert capsys.readouterr().out.strip() == str(written)
    assert run(arguments) == 2, "it is there now"
    assert "replace it with --force" in capsys.readouterr().err
    assert run([*arguments, "--force"]) == 0
    assert all(path.read_bytes() == b"mine" for path in mine)
    assert sorted(p.suffix for p in tmp_path.iterdir()) == sorted(["", *[suffix] * 3])


@pytest.mark.promise(
    "output",
    "a CSV table, which cannot hold a mark",
    "recognized by its digest in the saved folder until it is edited",
)
def test_a_table_is_known_by_a_record(saved: Path, tmp_path: Path) -> None:
    shutil.copytree(saved, tmp_path / "clip")
    path = tmp_path / "words.csv"
    arguments = ["export", str(tmp_path / "clip"), "--out", str(path)]
    assert run(arguments) == 0
    assert run([*arguments, "--force"]) == 0
    path.write_text(path.read_text("utf-8-sig") + "my own line\n")
    assert run([*arguments, "--force"]) == 2
    assert "my own line" in path.read_text()
    # The record is part of the folder, which can still be replaced as a whole.
    explanation(reply=("new",)).save(tmp_path / "clip", force=True)
    assert not (tmp_path / "clip" / "exports.json").exists()


@pytest.mark.promise(
    "output", "a damaged record of exports", "ignored; no file is replaced because of it"
)
@pytest.mark.parametrize("record", ["", "[]", '{"sha256": 5}', '{"sha256": [5]}', "\x00"])
def test_a_damaged_record_replaces_nothing(record: str, saved: Path, tmp_path: Path) -> None:
    shutil.copytree(saved, tmp_path / "clip")
    (tmp_path / "clip" / "exports.json").write_text(record)
    (tmp_path / "a.csv").write_text("mine")
    arguments = ["export", str(tmp_path / "clip"), "--out", str(tmp_path / "a.csv"), "--force"]
    assert run(arguments) == 2
    assert (tmp_path / "a.csv").read_text() == "mine"


def test_a_comparison_replaces_only_comparisons(short: Explanation, tmp_path: Path) -> None:
    path = compare([short, short], tmp_path / "a.html", labels=("a", "b"))
    assert compare([short, short], path, labels=("a", "b"), force=True) == path
    path.write_text("<html>mine</html>")
    with pytest.raises(OutputError, match="not an unchanged file that tam wrote"):
        compare([short, short], path, labels=("a", "b"), force=True)
