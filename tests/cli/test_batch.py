"""``tam explain --batch``: each item explained as alone, gone on with, shared by processes."""

import csv
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

import tam
from tam.cli import run
from tam.cli.batch import _beside
from tam.errors import OutputError
from tam.files.png import encode_png
from tam.testing import probe_picture
from tests.forked import tam_in_two

ROWS = (
    "image,prompt,answer",
    "first.png,What is here,a dog",
    "first.png;second.png,,a cat",
    "absent.png,,a cat",
    "second.png,,=1+1",
)


@pytest.fixture
def items(tmp_path: Path) -> Path:
    for name, size in (("first", (60, 90)), ("second", (90, 60))):
        (tmp_path / f"{name}.png").write_bytes(encode_png(probe_picture(*size).frames[0]))
    path = tmp_path / "items.csv"
    path.write_text("\n".join(ROWS) + "\n", encoding="utf-8")
    return path


def words(items: Path, model: Path, out: Path) -> list[str]:
    named = ["--batch", str(items), "--prompt", "Where is it", "--model", str(model)]
    return ["explain", *named, "--out", str(out)]


def index(out: Path) -> list[dict[str, str]]:
    with (out / "index.csv").open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def test_each_item_is_explained_as_alone_and_the_rest_goes_on(
    items: Path, qwen_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = items.parent / "out"
    asked = words(items, qwen_folder, out)
    assert run(asked) == 2
    assert "1 of 4 items could not be explained" in capsys.readouterr().err
    found = index(out)
    assert [row["answer"] for row in found] == ["a dog", "a cat", "", "'=1+1"]
    assert "absent.png" in found[2]["error"]
    pictures = [str(items.parent / name) for name in ("first.png", "second.png")]
    alone = tam.load(qwen_folder).explain(pictures, "Where is it", answer="a cat")
    saved = tam.load_explanation(out / "00002-first")
    assert np.allclose(saved.maps, alone.maps, atol=1e-6)
    before = (out / "00001-first" / "report.html").stat().st_mtime_ns
    (items.parent / "absent.png").write_bytes((items.parent / "first.png").read_bytes())
    assert run(asked) == 0
    assert index(out)[2]["answer"] == "a cat"
    assert (out / "00001-first" / "report.html").stat().st_mtime_ns == before
    assert run([*asked, "--method", "activation"]) == 2
    assert "with other options" in capsys.readouterr().err
    (items.parent / "first.png").write_bytes((items.parent / "second.png").read_bytes())
    assert run(asked) == 2
    assert "its picture has changed since" in capsys.readouterr().err
    (items.parent / "first.png").unlink()
    assert run(asked) == 0, "what has gone was not replaced"
    rows = items.read_text("utf-8")
    items.write_text(rows.replace("first.png;second.png", "first.png"), encoding="utf-8")
    assert run(asked) == 2, "one picture fewer"
    assert "its picture has changed since" in capsys.readouterr().err
    items.write_text(rows, encoding="utf-8")
    (items.parent / "first.png").write_bytes((items.parent / "absent.png").read_bytes())
    assert run(asked) == 0
    shutil.rmtree(out / "00001-first")
    weights = qwen_folder / "model.safetensors"
    published = weights.read_bytes()
    changed = {name: w * 1.01 for name, w in load_file(weights).items()}
    try:
        save_file(changed, weights, {"format": "pt"})
        assert run(asked) == 2
    finally:
        weights.write_bytes(published)
    assert "with other weights" in capsys.readouterr().err
    assert run(asked) == 0


@pytest.mark.parametrize(
    ("content", "more", "told"),
    [
        ("name\nx\n", (), "no column image"),
        ("image\n", (), "holds no items"),
        ("image,prompt\n,x\n", (), "item 1 has no image"),
        ("image\nfirst.png\n", ("--prompt", ""), "item 1 has no prompt"),
        ("image\nfirst.png\n", ("--live",), "--live"),
    ],
)
def test_what_is_no_batch_is_told(
    items: Path,
    content: str,
    more: tuple[str, ...],
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    items.write_text(content)
    assert run([*words(items, items.parent / "none", items.parent / "out"), *more]) == 2
    assert told in capsys.readouterr().err


def test_work_beside_is_done_in_order_and_its_error_is_raised() -> None:
    done: list[int] = []
    with _beside(2) as add:
        for number in range(9):
            add(partial(done.append, number))
            assert len(done) >= number - 2, "no more than two wait"
    assert done == list(range(9))

    def fail() -> None:
        raise OutputError("the disk is full", where="out", remedy="make room")

    with _beside(0) as add, pytest.raises(OutputError, match="disk is full"):
        add(fail)


def test_two_processes_share_a_folder_of_pictures(
    items: Path, qwen_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    items.unlink()
    out = tmp_path_factory.mktemp("shared") / "out"
    done = tam_in_two(*words(items.parent, qwen_folder, out), "--max-new-tokens", 3)
    assert done.returncode == 0, done.stderr
    assert [row["image"] for row in index(out)] == ["first.png", "second.png"]
