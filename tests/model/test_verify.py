"""The check of a checkpoint passes on real families, and fails where something is wrong."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import tam
from tam.capture import Run
from tam.cli import run
from tam.model.verify import verify
from tests.altered import Altered, column_major


@pytest.fixture(params=["qwen_folder", "llava_folder"])
def folder(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_sound_model_passes(folder: Path, dtype: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", str(folder), "--dtype", dtype]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["ok", name] for name in ("states", "forced", "layout", "maps")
    ]


def failed(model: tam.Model) -> set[str]:
    return {check.name for check in verify(model) if not check.passed}


@pytest.mark.promise("models", "an adapter with a wrong layout", "`tam verify` finds it")
def test_a_wrong_layout_is_found(folder: Path) -> None:
    model = tam.load(folder)
    altered = Altered(model.adapter, column_major)
    wrong = tam.Model(replace(model.checkpoint, adapter=altered))
    assert failed(wrong) == {"layout"}


def test_states_that_the_head_does_not_read_are_found(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tam.load(folder)
    # As if the hook stood elsewhere than before the head.
    kept = Run.at
    monkeypatch.setattr(Run, "at", lambda run, positions: kept(run, positions).roll(1, dims=-1))
    assert "states" in failed(model)


def test_states_of_the_right_order_and_the_wrong_size_are_found(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tam.load(folder)
    # As a scale that is left out: the best token stays the best.
    kept = Run.at
    monkeypatch.setattr(Run, "at", lambda run, positions: 1.5 * kept(run, positions))
    assert "states" in failed(model)


@pytest.mark.filterwarnings("ignore:MatMul8bitLt:UserWarning")
def test_a_quantised_model_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", "small", "--load-in", "8bit"]) == 0
    assert all(line.startswith("ok") for line in capsys.readouterr().out.splitlines())


def test_a_model_whose_pictures_say_nothing_is_found(folder: Path) -> None:
    model = tam.load(folder)
    with torch.no_grad():
        model.module.get_output_embeddings().weight.zero_()
    assert "maps" in failed(model)
