"""Data flows one way, so imports do too: those inside functions and for types count as well."""

import ast
import gc
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tam.resolver import DOORS, PUBLIC, resolve, uncollected

ROOT = Path(__file__).parent.parent
SOURCES = sorted(
    path
    for root in (ROOT / "tam", ROOT / "adapters")
    for path in root.rglob("*.py")
    if "__pycache__" not in path.parts
)

# From the ground up: a package imports those before it alone.
FLOORS = (
    "text errors defaults _version",
    "progress resolver media extensions",
    "geometry",
    "families",
    "prompt",
    "explanation engine capture",
    "files recording render",
    "replay report",
    "refine",
    "check",
    "methods",
    "model",
    "evaluate scenes served",
    "app",
    "cli",
)
GROUND = {"tam.errors", "tam.defaults"}
LEVEL = {name: level for level, names in enumerate(FLOORS) for name in names.split()}

TYPES = {
    "tam.errors",
    "tam.explanation.explanation",
    "tam.explanation.merge",
    "tam.explanation.word",
    "tam.families.adapter",
    "tam.families.processor",
    "tam.geometry.layout",
    "tam.geometry.upsample",
    "tam.media",
    "tam.media.media",
    "tam.prompt.conversation",
    "tam.recording.trace",
}
VIEWS = {"tam.files.storage", "tam.report", "tam.render.export", "tam.render.terminal"}


def module_name(path: Path) -> str:
    base = ROOT / "adapters" if "adapters" in path.relative_to(ROOT).parts[:1] else ROOT
    parts = path.relative_to(base).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in SOURCES}


@cache
def imports(path: Path, *, lazy: bool) -> set[str]:
    """Modules that a file imports; with ``lazy`` those inside functions and for types too."""
    tree = ast.parse(path.read_text())
    nodes = ast.walk(tree) if lazy else iter(tree.body)
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            submodules = {f"{node.module}.{alias.name}" for alias in node.names} & set(MODULES)
            found |= submodules or {node.module}
    return found


@cache
def reached(start: str, *, lazy: bool) -> set[str]:
    """Everything that a module imports, directly or through others."""
    seen: set[str] = set()
    queue = [start]
    while queue:
        name = queue.pop()
        if name not in seen:
            seen.add(name)
            queue += imports(MODULES[name], lazy=lazy) if name in MODULES else ()
    return seen


def test_sources_are_found() -> None:
    assert len(SOURCES) > 40


@pytest.mark.parametrize("name", sorted(MODULES))
def test_no_module_imports_itself_through_others(name: str) -> None:
    after = {
        found for first in imports(MODULES[name], lazy=True) for found in reached(first, lazy=True)
    }
    assert name not in after


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_who_may_import_whom(path: Path) -> None:
    name = module_name(path)
    used = {target for target in imports(path, lazy=True) if target.startswith("tam")}
    parts = name.split(".")
    if parts[0] == "tam" and len(parts) > 1 and parts[1] in LEVEL:
        for target in used:
            other = target.split(".")[1:2]
            if target.startswith("tam.") and other[0] in LEVEL and other[0] != parts[1]:
                assert LEVEL[other[0]] <= LEVEL[parts[1]], f"{name} imports {target}"
    if name.startswith("tam_adapters"):
        allowed = TYPES | {"tam.families.boxes", "tam.families.family"}
        assert all(t in allowed or t.startswith("tam_adapters") for t in used)
    elif name != "tam.families.registry":
        assert not any(t.startswith("tam_adapters") for t in used), "the registry alone knows them"
    if name.startswith("tam.engine.ops"):
        assert used <= {"tam.errors", "tam.resolver"} | {t for t in used if ".ops" in t}
    elif name.startswith("tam.engine"):
        assert all(t in GROUND or t.startswith("tam.engine") for t in used)


@pytest.mark.parametrize("name", sorted(TYPES | VIEWS))
def test_types_and_views_import_neither_torch_nor_transformers(name: str) -> None:
    found = reached(name, lazy=False)
    assert not {"torch", "transformers"} & found
    assert not any(target.startswith("torch.") for target in found)


def test_only_capture_and_head_run_the_model() -> None:
    callers = set()
    for name, path in MODULES.items():
        if name.startswith(("tam.scenes", "tam.photo", "tam.probe")):
            continue  # training and probing run models by their nature
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in ("generate", "forward"):
                callers.add(name)
    runs = {"tam.capture.generating", "tam.recording.recording"}
    assert callers <= runs, "tam.recording.recording calls capture.generate"


def test_only_capture_and_replay_call_the_model() -> None:
    """By name: what holds a loaded model is called ``model`` or ``module`` everywhere."""
    callers = set()
    for name, path in MODULES.items():
        if name.startswith(("tam.scenes", "tam.photo", "tam.probe")):
            continue  # training and probing run models by their nature
        for node in ast.walk(ast.parse(path.read_text())):
            called = ast.unparse(node.func).split(".")[-1] if isinstance(node, ast.Call) else ""
            if called in ("model", "module"):
                callers.add(name)
    assert callers == {"tam.capture.forcing", "tam.replay.replay"}


def test_importing_the_package_is_light() -> None:
    code = "import sys, tam; sys.exit(bool({'torch', 'numpy', 'transformers'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=60)


def test_garbage_is_collected_again_after_an_import() -> None:
    with uncollected():
        assert not gc.isenabled()
        with uncollected():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ImportError), uncollected():
        raise ImportError
    assert gc.isenabled()


def test_few_files_stand_on_the_top_level() -> None:
    assert len([path for path in (ROOT / "tam").iterdir() if path.suffix == ".py"]) <= 8


def test_only_the_resolver_imports_by_name() -> None:
    late = {"import_module", "__import__"}
    found = set()
    for name, path in MODULES.items():
        tree = ast.parse(path.read_text())
        used = {getattr(node, "id", getattr(node, "attr", "")) for node in ast.walk(tree)}
        lazy = any(getattr(node, "name", "") == "__getattr__" for node in tree.body)
        if used & late or lazy:
            found.add(name)
    assert found == {"tam", "tam.resolver"}


@pytest.mark.parametrize("path", sorted({*PUBLIC.values(), *DOORS.values()}))
def test_what_is_imported_late_exists(path: str) -> None:
    assert resolve(path) is not None


def test_text_tokens_are_described_in_one_place() -> None:
    makers = {
        name
        for name, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "TextToken"
    }
    assert makers == {"tam.prompt.encoding", "tam.files.storage"}, "the latter opens saved ones"
