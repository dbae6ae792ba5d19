"""Other packages add methods, metrics and exports; a broken one breaks nothing else."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import tam
from tam.cli import run
from tam.errors import InputError, SetupError
from tam.evaluate.metrics import listed_metrics, metric_function
from tam.extensions import METHODS, METRICS, extensions
from tam.files.kinds import listed_kinds
from tam.methods import METHODS as OWN
from tam.methods import choose, listed
from tests.hand_made import explanation

ROOT = Path(__file__).parent.parent
PACKAGES = ROOT / "examples" / "packages"


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the three example packages, installed by pip without a network."""
    sources, target = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("site")
    for name in ("method", "metric", "export"):
        shutil.copytree(PACKAGES / name, sources / name)
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-build-isolation"]
    command += ["--no-index", "--quiet", "--target", str(target)]
    subprocess.run([*command, *map(str, sorted(sources.iterdir()))], check=True, timeout=240)
    return target


@pytest.fixture
def added(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(installed))


Add = Callable[[str, str, str, str], None]


@pytest.fixture
def add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Add:
    """Lay a package out as pip would leave it."""

    def laid_out(package: str, group: str, entry: str, code: str) -> None:
        info = tmp_path / package / f"{package}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{group}]\n{entry}\n")
        (tmp_path / package / f"{package}_code.py").write_text(code)
        monkeypatch.syspath_prepend(str(tmp_path / package))

    return laid_out


def as_process(installed: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(map(str, (ROOT, ROOT / "adapters", installed)))
    return subprocess.run(
        [sys.executable, "-m", "tam", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=240,
        check=False,
        env=os.environ | {"PYTHONPATH": path},
    )


@pytest.mark.usefixtures("added")
def test_an_added_method_is_listed_without_being_imported() -> None:
    [row] = [method for method in listed() if method.package]
    assert (row.name, row.package, row.error) == ("likeness", "tam-example-method 1.0", "")
    code = (
        "import sys; from tam.methods import listed; from tam.files.kinds import listed_kinds; "
        "names = [m.name for m in listed()] + [k.name for k in listed_kinds()]; "
        "assert {'likeness', 'txt'} <= set(names); "
        "sys.exit(any(n == 'torch' or n.startswith('tam_example') for n in sys.modules))"
    )
    path = os.pathsep.join([*sys.path[:1], str(ROOT), str(ROOT / "adapters")])
    env = os.environ | {"PYTHONPATH": path}
    subprocess.run([sys.executable, "-c", code], check=True, env=env, timeout=60)


@pytest.mark.usefixtures("added")
def test_an_added_method_explains(llava_folder: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (60, 90, 3), dtype=np.uint8)
    result = tam.load(llava_folder).explain(
        pixels, "What?", answer="a dog", method="likeness", method_options={"power": 2.0}
    )
    assert result.provenance["method"] == {
        "name": "likeness",
        "module": "tam_example_method",
        "package": "tam-example-method 1.0",
        "power": 2.0,
        "scaled": False,
    }
    assert 0 < result.maps[result.prompt_targets :].max() <= 1
    said = choose("likeness").method
    assert (said.source, said.cost) == ("an example", "1 matrix product")
    with pytest.raises(InputError, match="likeness: unknown option 'powr'; did you mean"):
        choose("likeness").with_options({"powr": 1})


@pytest.mark.usefixtures("added")
def test_added_names_work_on_the_command_line(
    installed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = as_process(installed, tmp_path, "methods", "likeness", "--json")
    [row] = json.loads(done.stdout)
    assert [(option["name"], option["default"]) for option in row["options"]] == [("power", "1.0")]
    assert row["summary"].startswith("cosine")
    arguments = ["--methods", "likeness,random", "--metrics", "spread", "--count", "1"]
    arguments += ["--split", "one", "--faithful-words", "0", "--out", str(tmp_path / "evaluation")]
    assert run(["evaluate", *arguments]) == 0
    assert "spread" in capsys.readouterr().out
    rows = json.loads((tmp_path / "evaluation" / "summary.json").read_text())["rows"]
    by_method = {row["method"]: row["figures"] for row in rows}
    for figures in by_method.values():
        assert figures["spread"]["value"] == pytest.approx(1 - figures["energy"]["value"], abs=1e-6)
    explanation().save(tmp_path / "dog")
    done = as_process(installed, tmp_path, "export", "dog", "--as", "txt")
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "dog-tam.txt").read_text().splitlines()
    assert [line.split("\t")[0] for line in lines] == [word.text for word in explanation().words]


BROKEN = [
    ("one = broken_code:missing", "", "cannot be imported .AttributeError"),
    ("one = broken_code:found", "1 / 0", "cannot be imported .ZeroDivisionError"),
    ("one = broken_code:found", "raise SystemExit", "cannot be imported .SystemExit"),
    ("one = broken_code:found", "found = 5", "is not a function"),
    ("one = nowhere_at_all:found", "", "no module named 'nowhere_at_all'"),
    ("one = broken_code", "", "does not name a function"),
]


@pytest.mark.parametrize(("entry", "code", "message"), BROKEN)
def test_a_broken_method_is_a_row_with_its_error(
    add: Add, entry: str, code: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sys.modules.pop("broken_code", None)
    add("broken", METHODS, entry, code)
    with pytest.raises(SetupError, match=rf"one \(.* of the package broken 1.0\): .*{message}"):
        choose("one")
    assert run(["methods", "one", "--json"]) == 0
    [row] = json.loads(capsys.readouterr().out)
    assert row["error"]
    assert run(["methods"]) == 0
    assert choose("tam").method is OWN["tam"]


@pytest.mark.parametrize(
    ("group", "name"), [(METHODS, "tam"), (METHODS, "cam"), (METRICS, "energy"), (METRICS, "iou")]
)
def test_a_name_of_the_toolkit_is_never_replaced(add: Add, group: str, name: str) -> None:
    add("usurper", group, f"{name} = usurper_code:found", "def found(*_): raise AssertionError")
    rows = [*listed(), *listed_metrics()]
    [row] = [row for row in rows if row.package]
    assert row.error == f"the toolkit has a {name!r} of its own; packages add, never replace"
    assert choose("tam").method is OWN["tam"]


def test_a_suffix_of_the_toolkit_is_never_replaced(add: Add) -> None:
    add("usurper", "tam.exports", "png = usurper_code:found", "def found(*_): ...")
    [row] = [row for row in listed_kinds() if row.package]
    assert "never replace" in row.error


def test_two_packages_with_one_name_are_both_refused(add: Add) -> None:
    for package in ("first", "second"):
        add(package, METRICS, f"good = {package}_code:found", "def found(heat, mask): return 1")
    assert [found.error for found in extensions(METRICS, ())] == [
        "first 1.0 and second 1.0 both supply it"
    ] * 2
    with pytest.raises(SetupError, match="both supply it"):
        metric_function("good")


def test_a_metric_that_returns_no_number_is_told(add: Add) -> None:
    add("odd", METRICS, "odd_one = odd_code:found", "def found(heat, mask): return 'much'")
    with pytest.raises(InputError, match="metric odd_one: returned 'much'"):
        metric_function("odd_one")(np.zeros((2, 2), np.float32), np.ones((2, 2), bool))
    with pytest.raises(InputError, match="no package adds a metric 'od_one'; did you mean"):
        metric_function("od_one")
    with pytest.raises(InputError, match="the toolkit's own are always measured"):
        metric_function("energy")


@pytest.mark.parametrize("page", ["method", "metric", "export"])
def test_the_pages_show_the_packages(page: str) -> None:
    text = (ROOT / "docs" / f"adding_a{'n' * (page == 'export')}_{page}.md").read_text("utf-8")
    entry = next(
        line
        for line in (PACKAGES / page / "pyproject.toml").read_text().splitlines()
        if f"tam_example_{page}:" in line
    )
    assert entry in text
    said = (PACKAGES / page / f"tam_example_{page}.py").read_text()
    assert said[said.index("@described") : said.index("\ndef ")] in text
    family = (ROOT / "docs" / "adding_a_family.md").read_text("utf-8")
    assert len(text.splitlines()) <= len(family.splitlines())
