"""The check of a checkpoint passes on real families, and fails where something is wrong."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import tam
from tam.capture import Run
from tam.cli import run
from tam.model.verify import REPORT, verify
from tests.altered import Altered, column_major


@pytest.fixture(params=["qwen_folder", "llava_folder"])
def folder(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_sound_model_passes(folder: Path, dtype: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", str(folder), "--dtype", dtype]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == [name for name in REPORT if name != "run"]
    seen = {name: said for said, name in (line.split()[:2] for line in lines)}
    absent = {name for name, said in seen.items() if said == "none"}
    assert absent == {"times"}
    assert {said for name, said in seen.items() if name not in absent} == {"ok"}


def failed(model: tam.Model) -> set[str]:
    return {check.name for check in verify(model) if check.passed is False}


@pytest.mark.promise("models", "an adapter with a wrong layout", "`tam verify` finds it")
def test_a_wrong_layout_is_found(folder: Path) -> None:
    model = tam.load(folder)
    altered = Altered(model.adapter, column_major)
    wrong = tam.Model(replace(model.checkpoint, adapter=altered))
    assert failed(wrong) == {"layout"}


def test_what_fails_says_what_to_report(
    llava_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = Run.at
    monkeypatch.setattr(Run, "at", lambda run, positions: 2 * kept(run, positions))
    assert run(["verify", str(llava_folder), "--json"]) == 1
    checks = json.loads(capsys.readouterr().out)["checks"]
    [states] = [check for check in checks if check["name"] == "states"]
    assert (states["passed"], states["figure"]) == (False, pytest.approx(1, abs=1e-3))
    assert "report the model type" in states["report"]


def test_a_reply_of_white_space_is_no_failure(llava_folder: Path) -> None:
    model = tam.load(llava_folder)
    space = model.processor.tokenizer.convert_tokens_to_ids("\u2581")
    with torch.no_grad():
        head = model.module.get_output_embeddings()
        head.weight[space] = 0
        head.bias = torch.nn.Parameter(torch.zeros(len(head.weight)))
        head.bias[space] = 1e4
    assert failed(model) == set()


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
    assert all(line.startswith(("ok", "none")) for line in capsys.readouterr().out.splitlines())


def test_a_model_whose_pictures_say_nothing_is_found(folder: Path) -> None:
    model = tam.load(folder)
    with torch.no_grad():
        model.module.get_output_embeddings().weight.zero_()
    assert "maps" in failed(model)
