"""Data flows one way, so imports do too."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(
    path
    for root in (ROOT / "tam", ROOT / "adapters")
    for path in root.rglob("*.py")
    if "__pycache__" not in path.parts
)

TYPES = {
    "tam.adapter",
    "tam.conversation",
    "tam.errors",
    "tam.explanation",
    "tam.layout",
    "tam.media",
    "tam.media.media",
    "tam.merge",
    "tam.trace",
    "tam.upsample",
    "tam.word",
}
VIEWS = {"tam.storage", "tam.report", "tam.render.export", "tam.render.terminal"}


def module_name(path: Path) -> str:
    base = ROOT / "adapters" if "adapters" in path.relative_to(ROOT).parts[:1] else ROOT
    parts = path.relative_to(base).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path, *, lazy: bool) -> set[str]:
    """Modules of the project that a file imports; with ``lazy`` those inside functions too."""
    tree = ast.parse(path.read_text())
    nodes = ast.walk(tree) if lazy else iter(tree.body)
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def reached(start: str) -> set[str]:
    """Everything that importing a module imports, transitively, at module level."""
    by_name = {module_name(path): path for path in SOURCES}
    seen: set[str] = set()
    queue = [start]
    while queue:
        name = queue.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in by_name:
            queue += imports(by_name[name], lazy=False)
    return seen


def test_sources_are_found() -> None:
    assert len(SOURCES) > 40


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_who_may_import_whom(path: Path) -> None:
    name = module_name(path)
    used = {target for target in imports(path, lazy=True) if target.startswith("tam")}
    if name.startswith("tam_adapters"):
        allowed = TYPES | {"tam.registry"}
        assert all(t in allowed or t.startswith("tam_adapters") for t in used)
    elif name != "tam.registry":
        assert not any(t.startswith("tam_adapters") for t in used), "the registry alone knows them"
    shows = ("tam.report", "tam.render", "tam.output", "tam.storage")
    if name.startswith(shows):
        runs = ("tam.capture", "tam.model", "tam.loading", "tam.methods", "tam.engine", "tam.ops")
        assert not any(t.startswith((*runs, "tam.scenes")) for t in used)
    if name.startswith("tam.render"):
        assert not any(t.startswith("tam.report") for t in used), "reports are made of renderings"
    if name.startswith("tam.ops"):
        assert all(t == "tam.errors" or t.startswith("tam.ops") for t in used)
    if name == "tam.engine":
        own = ("tam.errors", "tam.activation_maps")
        assert all(t in own or t.startswith("tam.ops") for t in used)


@pytest.mark.parametrize("name", sorted(TYPES | VIEWS))
def test_types_and_views_import_neither_torch_nor_transformers(name: str) -> None:
    assert not {"torch", "transformers"} & reached(name)
    assert not any(target.startswith("torch.") for target in reached(name))


def test_only_capture_and_head_run_the_model() -> None:
    callers = set()
    for path in SOURCES:
        name = module_name(path)
        if name.startswith(("tam.scenes", "tam.testing")):
            continue  # training and probing run models by their nature
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in ("generate", "forward"):
                callers.add(name)
    runs = {"tam.capture.generating", "tam.recording"}
    assert callers <= runs, "tam.recording calls capture.generate"


def test_only_capture_and_replay_call_the_model() -> None:
    """By name: what holds a loaded model is called ``model`` or ``module`` everywhere."""
    callers = set()
    for path in SOURCES:
        name = module_name(path)
        if name.startswith(("tam.scenes", "tam.testing")):
            continue  # training and probing run models by their nature
        for node in ast.walk(ast.parse(path.read_text())):
            called = ast.unparse(node.func).split(".")[-1] if isinstance(node, ast.Call) else ""
            if called in ("model", "module"):
                callers.add(name)
    assert callers == {"tam.capture.forcing", "tam.replay.replay"}


def test_importing_the_package_is_light() -> None:
    code = "import sys, tam; sys.exit(bool({'torch', 'numpy', 'transformers'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=60)
