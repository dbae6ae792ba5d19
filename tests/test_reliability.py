"""The page of faults is generated from the marks of the tests."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    path = ROOT / "docs" / "make_reliability.py"
    spec = importlib.util.spec_from_file_location("make_reliability", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclass looks itself up
    spec.loader.exec_module(module)
    return module


def test_the_page_is_current_and_long_enough(maker: ModuleType) -> None:
    rows = maker.promises(ROOT / "tests")
    assert maker.PAGE.read_text("utf-8") == maker.page(rows), "run docs/make_reliability.py"
    assert len(rows) >= 110
    assert {row.group for row in rows} == set(maker.GROUPS)
    told = [(row.group, row.fault) for row in rows]
    assert len(set(told)) == len(told)


@pytest.mark.parametrize(
    "text",
    [
        "@pytest.mark.promise('nothing', 'a', 'b')\ndef test_a(): ...",
        "@pytest.mark.promise('app', 'a')\ndef test_a(): ...",
        "@pytest.mark.promise('app', 'a', 'b')\ndef helper(): ...",
    ],
)
def test_a_row_without_a_test_cannot_stand(maker: ModuleType, tmp_path: Path, text: str) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_a.py").write_text(text)
    with pytest.raises(ValueError, match="promise"):
        maker.promises(tmp_path / "tests")
