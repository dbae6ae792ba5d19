"""Methods from the command line and from a loaded model."""

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tam
from tam.cli import run
from tam.cli.methods import options_told
from tam.errors import InputError
from tam.methods import METHODS, Method, choose
from tam.replay import Replay
from tam.text.named_values import named_values, split_list

PIXELS = np.random.default_rng(0).integers(0, 255, (90, 120, 3), dtype=np.uint8)


def test_the_table_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["methods", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [entry["name"] for entry in listed] == list(METHODS)
    assert set(listed[0]) == {f.name for f in fields(Method)} - {"function"}
    assert run(["methods"]) == 0
    assert "relevancy" in capsys.readouterr().out


def test_one_method_is_shown_with_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["methods", "cf-cam"]) == 0
    shown = capsys.readouterr().out
    assert "Standard deviation of the filter" in shown
    assert "--method cf-cam --method-option layer=-2" in shown
    for name in METHODS:  # from the signature and the docstring, which cannot fall behind
        for option in options_told(METHODS[name].load()):
            assert option.kind, (name, option)
            assert option.summary.endswith("."), (name, option)


def test_a_word_is_explained_by_the_method_of_a_name(
    qwen_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "picture.png")
    arguments = ["explain", str(tmp_path / "picture.png"), "-p", "What?", "-m", str(qwen_folder)]
    arguments += ["--answer", "a dog", "--method", "grad-cam", "--method-option", "layer=0"]
    assert run([*arguments, "--out", str(tmp_path / "out")]) == 0, capsys.readouterr().err
    saved = tam.load_explanation(tmp_path / "out")
    assert saved.provenance["method"] == {"name": "grad-cam", "layer": 0}
    same = tam.load(qwen_folder).explain(
        PIXELS, "What?", answer="a dog", method="grad-cam", method_options={"layer": 0}
    )
    assert np.allclose(saved.maps, same.maps, atol=1e-5, equal_nan=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--method", "lime"],
            "unknown method 'lime'; use tam, tam-published, tam-plus,",
        ),
        (
            ["--method", "center", "--stages"],
            "center: unknown option 'stages'; it has width",
        ),
        (
            ["--method", "center", "--candidate-maps", "2"],
            "center: has no candidate maps",
        ),
        (["--method-option", "layer"], "--method-option: 'layer' is not of the form NAME=VALUE"),
        (
            ["--method", "rollout", "--method-option", "layer=1"],
            "method rollout: unknown option 'layer'; it has none",
        ),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    options: list[str],
    message: str,
    tmp_path: Path,
    qwen_folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "picture.png")
    arguments = ["explain", str(tmp_path / "picture.png"), "-p", "What?", "-m", str(qwen_folder)]
    assert run([*arguments, "--out", str(tmp_path / "out"), *options]) == 2
    [line] = capsys.readouterr().err.strip().splitlines()
    assert message in line
    assert not (tmp_path / "out").exists()


def test_the_relevance_is_that_of_the_method_that_was_asked_for(qwen_picture: Replay) -> None:
    model, recording = tam.Model(qwen_picture.checkpoint), qwen_picture.recording
    plain = model.explain_recording(recording)
    other = model.explain_recording(recording, method="attention")
    both = model.explain_recording(recording, relevance="attention")
    assert np.array_equal(both.maps[plain.prompt_targets :], plain.maps[plain.prompt_targets :])
    assert np.array_equal(both.relevance, other.relevance, equal_nan=True)
    assert both.provenance["method"]["name"] == "tam"
    assert both.provenance["relevance"] == other.provenance["method"]
    assert "relevance" not in plain.provenance
    # Heights of two methods are on two scales, so there is no share of the one in both.
    assert both.words[-1].textual == other.words[-1].textual
    assert both.words[-1].share is None is not plain.words[-1].share
    same = model.explain_recording(recording, relevance="tam")
    assert np.array_equal(same.relevance, plain.relevance)
    assert same.words[-1].share == plain.words[-1].share
    none = model.explain_recording(recording, method="eigen-cam")
    assert none.relevance is None
    told = model.explain_recording(recording, method="eigen-cam", relevance="tam")
    assert told.words[-1].textual == plain.words[-1].textual
    with pytest.raises(InputError, match="relevance: grad-cam gives no relevance of earlier words"):
        model.explain_recording(recording, relevance="grad-cam")
    with pytest.raises(InputError, match="unknown method 'atention'; did you mean 'attention'"):
        model.explain_recording(recording, relevance="atention")


def test_options_are_json_or_text() -> None:
    given = ["layer=-1", "heads=[0, 1]", "fill=mean", "noise=0.5"]
    expected = {"layer": -1, "heads": [0, 1], "fill": "mean", "noise": 0.5}
    assert named_values(given, "--method-option") == expected
    with pytest.raises(InputError, match="--option: '=3' is not of the form NAME=VALUE"):
        named_values(["=3"], "--option")
    with pytest.raises(InputError, match="--option: fps is given twice"):
        named_values(["fps=1", "fps=2"], "--option")


def test_options_can_be_part_of_a_name() -> None:
    text = "attention[heads=[0, 1],layers=[2]]/color-affinity"
    assert split_list(f"tam, {text} ,cam") == ["tam", text, "cam"]
    chosen = choose(text)
    assert (chosen.method.name, dict(chosen.options)) == (
        "attention/color-affinity",
        {"heads": [0, 1], "layers": [2]},
    )
    assert chosen.spelled == text
    assert choose(choose("occlusion[size=3, batch=8]").spelled).spelled == (
        "occlusion[batch=8,size=3]"
    )
    assert choose("cam").spelled == "activation"
    for wrong in ("tam]", "[kernel_size=3]", "tam[kernel_size=3]x", "tam/mirror[x=1]"):
        with pytest.raises(InputError, match=r"method: "):
            choose(wrong)


def test_one_recording_is_explained_in_many_ways(qwen_picture: Replay) -> None:
    model, recording = tam.Model(qwen_picture.checkpoint), qwen_picture.recording
    plain = model.explain_recording(recording, kernel_size=5)
    assert plain.provenance["method"] == {"name": "tam", "kernel_size": 5}
    other = model.explain_recording(recording, method="attention", method_options={"heads": [0]})
    assert other.provenance["method"] == {"name": "attention", "layers": None, "heads": [0]}
    assert [word.text for word in other.words] == [word.text for word in plain.words]
    with pytest.raises(InputError, match="unknown option 'head'"):
        model.explain_recording(recording, method="attention", method_options={"head": 0})


def test_a_batch_is_explained_by_another_method(qwen_folder: Path) -> None:
    model = tam.load(qwen_folder)
    questions = [(PIXELS, "What?"), (PIXELS[:60], "What is in the picture?")]
    batch = model.explain_batch(questions, method="relevancy", max_new_tokens=4)
    for (media, prompt), found in zip(questions, batch, strict=True):
        assert isinstance(found, tam.Explanation)
        ids = [token.id for token in found.tokens[found.prompt_targets :]]
        alone = model.explain(media, prompt, answer=ids, method="relevancy")
        assert np.allclose(found.maps, alone.maps, atol=1e-4, equal_nan=True)
    with pytest.raises(InputError, match="unknown option"):
        next(model.explain_batch(questions, method="relevancy", method_options={"layer": 0}))
