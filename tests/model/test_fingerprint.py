"""Fingerprints tell weights apart, and a folder of results keeps to those it was begun with."""

import copy
from pathlib import Path

import pytest
import torch

import tam
from tam.errors import OutputError
from tam.model.fingerprint import WEIGHTS, fingerprint, keep_to_weights


@pytest.fixture(scope="module")
def module() -> torch.nn.Module:
    return tam.load("small").module


def test_equal_weights_have_equal_fingerprints(module: torch.nn.Module) -> None:
    print_of = fingerprint(module)
    assert len(print_of) == 64
    assert fingerprint(copy.deepcopy(module)) == print_of == fingerprint(tam.load("small").module)


@pytest.mark.parametrize("name", ["small-aligned", "small-masks"])
def test_other_models_of_the_same_shape_differ(module: torch.nn.Module, name: str) -> None:
    assert fingerprint(tam.load(name).module) != fingerprint(module)


def test_a_step_of_training_changes_it(module: torch.nn.Module) -> None:
    trained = copy.deepcopy(module)
    with torch.no_grad():
        next(p for p in trained.parameters() if p.ndim > 1).mul_(1.0001)
    assert fingerprint(trained) != fingerprint(module)
    assert fingerprint(copy.deepcopy(module).half()) != fingerprint(module)


def test_weights_on_disk_count_by_shape() -> None:
    with torch.device("meta"):
        first, second = torch.nn.Linear(2, 3), torch.nn.Linear(3, 2)
    assert fingerprint(first) != fingerprint(second)


def test_a_folder_keeps_to_the_weights(module: torch.nn.Module, tmp_path: Path) -> None:
    keep_to_weights(tmp_path, "one", module)
    written = (tmp_path / WEIGHTS).read_bytes()
    keep_to_weights(tmp_path, "one", module)
    assert (tmp_path / WEIGHTS).read_bytes() == written
    other = torch.nn.Linear(2, 2)
    with pytest.raises(OutputError, match="'one' with other weights"):
        keep_to_weights(tmp_path, "one", other)
    assert (tmp_path / WEIGHTS).read_bytes() == written
    keep_to_weights(tmp_path, "two", other)
    keep_to_weights(tmp_path, "one", module)


@pytest.mark.parametrize("content", [b"[]", b"{", b"\xff"])
def test_a_damaged_file_is_refused(module: torch.nn.Module, tmp_path: Path, content: bytes) -> None:
    (tmp_path / WEIGHTS).write_bytes(content)
    with pytest.raises(OutputError, match="name another folder"):
        keep_to_weights(tmp_path, "one", module)
    assert (tmp_path / WEIGHTS).read_bytes() == content
