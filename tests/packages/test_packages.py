"""The source and the binary package: what is in them, and that each installs and runs."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from tam._version import __version__
from tam.cli.extras import GIVES, lacking

ROOT = Path(__file__).parents[2]
CLEAN = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
MODELS = ("small", "small-masks", "small-aligned")
LARGEST = 50 * 2**20
"""Half of what a package index takes."""


def succeeds(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=CLEAN, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The sdist and the wheel, built as `make packages` does, somewhere else."""
    folder = tmp_path_factory.mktemp("dist")
    succeeds(sys.executable, "-m", "hatchling", "build", "-d", folder, cwd=ROOT)
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return sdist, wheel


def installed(package: Path, folder: Path) -> Path:
    """A fresh environment that has the package alone, and sees what this one has."""
    succeeds(sys.executable, "-m", "venv", "--without-pip", folder, cwd=ROOT)
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    site = succeeds(
        scripts / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=ROOT
    )
    Path(site.strip(), "outside.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    pip = [sys.executable, "-m", "pip", "--python", scripts / "python", "install", "--quiet"]
    pip += ["--no-deps", "--no-index", "--no-build-isolation", "--ignore-installed", "--no-compile"]
    succeeds(*pip, package, cwd=ROOT)
    return scripts


def contents(environment: Path) -> dict[str, bytes]:
    """Every file of the toolkit in an environment."""
    (first,) = environment.rglob("tam/_version.py")
    site = first.parents[1]
    roots = (site / "tam", site / "tam_adapters")
    return {
        str(path.relative_to(site)): path.read_bytes()
        for root in roots
        for path in root.rglob("*")
        if path.is_file()
    }


def test_what_is_in_them(built: tuple[Path, Path]) -> None:
    sdist, wheel = built
    assert max(sdist.stat().st_size, wheel.stat().st_size) < LARGEST
    with zipfile.ZipFile(wheel) as archive:
        in_wheel = set(archive.namelist())
    with tarfile.open(sdist) as archive:
        in_sdist = {name.partition("/")[2] for name in archive.getnames()}
    for model in MODELS:
        name = f"tam/scenes/weights/{model}/model.safetensors"
        assert name in in_wheel & in_sdist
    assert {"tam/py.typed", "tam_adapters/py.typed", "tam/report/template.html"} <= in_wheel
    assert {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff"} <= in_sdist
    tops = {name.partition("/")[0] for name in in_wheel}
    assert tops == {"tam", "tam_adapters", f"token_activation_map-{__version__}.dist-info"}
    assert not {name.partition("/")[0] for name in in_sdist} & {"tests", "benchmarks", "notebooks"}
    assert not any("__pycache__" in name for name in in_wheel | in_sdist)


def test_their_checkers_find_nothing(built: tuple[Path, Path]) -> None:
    sdist, wheel = built
    succeeds(sys.executable, "-m", "twine", "check", "--strict", sdist, wheel, cwd=ROOT)
    succeeds(sys.executable, "-m", "check_wheel_contents", wheel, cwd=ROOT)


def test_each_installs_the_same_and_runs(built: tuple[Path, Path], tmp_path: Path) -> None:
    sdist, wheel = built
    scripts = installed(wheel, tmp_path / "wheel")
    installed(sdist, tmp_path / "sdist")
    files = contents(tmp_path / "wheel")
    assert files == contents(tmp_path / "sdist")
    assert len(files) > 300
    where = succeeds(scripts / "python", "-c", "import tam; print(tam.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(tmp_path / "wheel")
    succeeds(scripts / "tam", "demo", "--model", "small", "--out", "demo", cwd=tmp_path)
    assert (tmp_path / "demo" / "report.html").stat().st_size > 100_000


def test_every_extra_is_named_with_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert set(project["optional-dependencies"]) == set(GIVES)
    listed = ['matplotlib>=3.10; extra == "plot"', 'absent>=1; extra == "plot"', "numpy>=2"]
    listed += ['pandas>=99; extra == "pandas"', 'winloop; sys_platform == "x" and extra == "plot"']
    monkeypatch.setattr("tam.cli.extras.requires", lambda name: listed)
    assert lacking("plot") == ["absent>=1"]
    assert lacking("pandas") == ["pandas>=99"]
    assert lacking("peft") == []
