import errno
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import tam.report.folder
from tam.errors import OutputError, ResourceError
from tam.explanation.explanation import Explanation
from tam.files.storage import load_explanation
from tam.report.folder import check_output, write_explanation
from tests.hand_made import explanation, same, several


@pytest.fixture(scope="module")
def example() -> Explanation:
    return explanation(reply=("A", " dog"))


def files(folder: Path) -> dict[str, bytes]:
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_everything_is_written(tmp_path: Path) -> None:
    example = explanation()
    folder = tmp_path / "a" / "b"
    report = write_explanation(example, folder, force=False, pictures=True)
    assert report == folder / "report.html"
    written = files(folder)
    words = ["001-a", "002-grey", "003-greyhound", "004-on", "005-a", "006-bench", "007-word"]
    assert sorted(written) == [
        "explanation.json",
        "explanation.safetensors",
        "report.html",
        *(f"words/{word}.png" for word in words),
    ]
    assert b"greyhound" in written["report.html"]
    assert same(load_explanation(folder), example)
    with Image.open(io.BytesIO(written["words/003-greyhound.png"])) as picture:
        assert picture.width == 384
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]


def test_word_images_are_drawn_for_several_pictures(tmp_path: Path) -> None:
    write_explanation(several(), tmp_path / "out", force=False, pictures=True)
    assert len(list((tmp_path / "out" / "words").iterdir())) == 7


@pytest.mark.promise(
    "hostile words", "replies that look like paths", "file names contain no text of the reply"
)
def test_file_names_hold_nothing_of_the_model(tmp_path: Path) -> None:
    reply = ("../../etc/passwd", "con", "猫", "a\x00b", "/", "x" * 500, "Ünï", "<script>", "-rf")
    write_explanation(explanation(reply=reply), tmp_path / "out", force=False, pictures=True)
    assert sorted(path.name for path in (tmp_path / "out" / "words").iterdir()) == [
        "001-etc-passwd.png",
        "002-con.png",
        "003-word.png",
        "004-a-b.png",
        "005-word.png",
        f"006-{'x' * 40}.png",
        "007-uni.png",
        "008-script.png",
        "009-rf.png",
    ]


@pytest.mark.promise("output", "a folder that is not empty", "kept unless --force is given")
def test_a_full_folder_is_kept_without_force(tmp_path: Path, example: Explanation) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="--force"):
        write_explanation(example, tmp_path, force=False)
    assert files(tmp_path) == {"notes.txt": b"mine"}


def test_an_empty_folder_is_used(tmp_path: Path, example: Explanation) -> None:
    (tmp_path / "out").mkdir()
    assert write_explanation(example, tmp_path / "out", force=False).is_file()


def test_force_replaces_an_earlier_explanation(tmp_path: Path, example: Explanation) -> None:
    folder = tmp_path / "out"
    old = explanation(reply=("old",) * 9, reply_words=range(9))
    write_explanation(old, folder, force=False, pictures=True)
    (folder / ".DS_Store").touch()
    write_explanation(example, folder, force=True, pictures=True)
    assert same(load_explanation(folder), example)
    assert not list((folder / "words").glob("*old*"))
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.promise(
    "output", "--force on a folder that is not an explanation", "nothing is deleted"
)
@pytest.mark.parametrize(
    "content", [None, "{}", "not json", '{"schema": "other"}', '{"schema": ["tam.explanation"]}']
)
def test_force_never_deletes_what_is_no_explanation(
    tmp_path: Path, example: Explanation, content: str | None
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "report.html").write_text("a report of something else")
    if content is not None:
        (folder / "explanation.json").write_text(content)
    before = files(folder)
    with pytest.raises(OutputError, match=r"no valid explanation\.json"):
        write_explanation(example, folder, force=True, pictures=True)
    assert files(folder) == before


@pytest.mark.promise("output", "a user's file in an explanation's folder", "kept even with --force")
@pytest.mark.parametrize("name", ["thesis.tex", "words/holiday.png", "words/deep/000-a.png"])
def test_force_keeps_what_a_user_put_there(tmp_path: Path, example: Explanation, name: str) -> None:
    folder = tmp_path / "out"
    write_explanation(example, folder, force=False, pictures=True)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("mine")
    with pytest.raises(OutputError, match=name.split("/")[-2] if "deep" in name else name):
        write_explanation(example, folder, force=True, pictures=True)
    assert (folder / name).read_text() == "mine"


@pytest.mark.promise(
    "output",
    "a file, the working folder or a mount point as --out",
    "refused with a one-line error",
)
def test_places_that_cannot_be_a_folder(
    tmp_path: Path, example: Explanation, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="is a file"):
        write_explanation(example, tmp_path / "file", force=True)
    with pytest.raises(OutputError, match="file is a file"):
        write_explanation(example, tmp_path / "file" / "out", force=False)
    with pytest.raises(OutputError, match="cannot be written"):
        write_explanation(example, tmp_path / ("x" * 300), force=False)
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(OutputError, match="working folder"):
        write_explanation(example, Path(), force=False)


@pytest.mark.promise("output", "a folder without write permission", "reported before any work")
def test_a_folder_without_the_right_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write anywhere
    with pytest.raises(OutputError, match="not writable"):
        check_output(tmp_path / "out", force=False)


@pytest.mark.promise(
    "output",
    "full disk or memory, an interrupt or an error while writing",
    "no partial file is left, and nothing is lost",
)
@pytest.mark.parametrize(
    ("failure", "raised"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), ResourceError),
        (OSError(errno.EROFS, "Read-only file system"), OutputError),
        (MemoryError(), ResourceError),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (RuntimeError("a mistake"), RuntimeError),
    ],
)
@pytest.mark.parametrize("place", ["save_explanation", "word_image", "report_html"])
def test_after_a_failure_nothing_is_left_and_nothing_is_lost(
    tmp_path: Path,
    example: Explanation,
    monkeypatch: pytest.MonkeyPatch,
    failure: BaseException,
    raised: type[BaseException],
    place: str,
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise failure

    earlier = tmp_path / "earlier"
    write_explanation(explanation(reply=("old",)), earlier, force=False)
    before = files(tmp_path)
    monkeypatch.setattr(tam.report.folder, place, fail)
    for folder in (tmp_path / "new" / "deep", earlier):
        with pytest.raises(raised):
            write_explanation(example, folder, force=True, pictures=True)
    assert files(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["earlier"]


@pytest.mark.parametrize("end", ["old", "new"])
def test_an_interrupted_swap_brings_the_earlier_one_back(
    tmp_path: Path, example: Explanation, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    folder = tmp_path / "out"
    write_explanation(explanation(seed=5), folder, force=False)
    before = files(tmp_path)
    rename: Callable[[Path, Path], Path] = Path.rename
    failed: list[Path] = []

    def interrupted(path: Path, target: Path) -> Path:
        ends = target.name.endswith("old") if end == "old" else path.name.endswith("new")
        if ends and not failed:
            failed.append(path)
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_explanation(example, folder, force=True, pictures=True)
    assert failed
    assert files(tmp_path) == before


@pytest.mark.promise("output", "something that appeared at --out in the meantime", "not replaced")
def test_what_came_there_meanwhile_is_not_replaced(
    tmp_path: Path, example: Explanation, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "out"

    def meanwhile(_: Explanation, **_options: object) -> str:
        folder.mkdir()
        (folder / "mine.txt").write_text("mine")
        return "<html>"

    monkeypatch.setattr(tam.report.folder, "report_html", meanwhile)
    with pytest.raises(OutputError, match="not empty"):
        write_explanation(example, folder, force=False, pictures=True)
    assert files(tmp_path) == {"out/mine.txt": b"mine"}


def test_words_of_an_empty_map_are_still_drawn(tmp_path: Path) -> None:
    text_only = explanation([], [])
    write_explanation(text_only, tmp_path / "out", force=False, pictures=True)
    with Image.open(tmp_path / "out" / "words" / "002-grey.png") as picture:
        assert np.asarray(picture).shape[1] == 320
