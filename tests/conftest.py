"""What all tests share: no network, one thread a process, small models on disk."""

import gc
import os
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

# Before any test module imports the libraries that read these.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
# Where a test names no model, whatever was assembled on this machine.
os.environ["TAM_MODEL"] = "small"
# Processes that tests start, too: several workers with all threads each would only wait.
os.environ["OMP_NUM_THREADS"] = "1"

import pytest
import torch
from packaging.version import Version
from playwright.sync_api import Browser, sync_playwright

from tam.families.registry import missing_types
from tests.provide_chromium import find

torch.set_num_threads(1)
if not torch.cuda.is_available():
    # The kernels then run in Triton's interpreter; it is read when triton is imported.
    os.environ["TRITON_INTERPRET"] = "1"

BROWSER_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # Pages are open for a moment: own processes and optimized code cost more than they save.
    "--renderer-process-limit=1",
    "--js-flags=--no-opt",
)
GOLDENS = Path(__file__).parent / "goldens"

# Nothing that is imported is garbage: looking for it takes a sixth of the collection of tests.
gc.disable()


def pytest_collection_finish() -> None:
    """Collect garbage again, but never look among what the collection of tests left."""
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests of model types and features that the installed transformers lacks."""
    lacking, installed = missing_types(), Version(version("transformers"))
    left_out = [
        item
        for item in items
        if lacking & _model_types(item)
        or any(Version(mark.args[0]) > installed for mark in item.iter_markers("transformers"))
    ]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        kept = set(items) - set(left_out)
        items[:] = [item for item in items if item in kept]


def _model_types(item: pytest.Item) -> set[str]:
    """Return the names that mark or parametrize a test; a test of a family has its type here."""
    marked = {name for mark in item.iter_markers("model_type") for name in mark.args}
    params = getattr(item, "callspec", None)
    given = params.params.values() if params is not None else ()
    return marked | {value for value in given if isinstance(value, str)}


@pytest.fixture(scope="session")
def qwen_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Qwen2-VL of two layers with its processor, on disk."""
    from tests.tiny_models import tiny_qwen2_vl

    return tiny_qwen2_vl(tmp_path_factory.mktemp("qwen2_vl"))


@pytest.fixture(scope="session")
def llava_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random LLaVA-1.5 of two layers with its processor, on disk."""
    from tests.tiny_models import tiny_llava

    return tiny_llava(tmp_path_factory.mktemp("llava"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless browser; where there is none the tests that need it fail, they never skip."""
    path = find()
    if path is None:
        pytest.fail("no chromium or chrome here; run `python tests/provide_chromium.py`")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=list(BROWSER_FLAGS))
        yield opened
        opened.close()
