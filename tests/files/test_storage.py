"""Saved explanations come back exactly, also those of earlier versions."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from tam.errors import OutputError, SavedFileError
from tam.files.storage import JSON_NAME, TENSORS_NAME, load_explanation, save_explanation
from tam.render.table import COLUMNS
from tests.files.altered import checked, edit, retensor
from tests.hand_made import (
    explanation,
    grid,
    picture,
    same,
    several,
    with_grounding,
    with_stages,
)


@pytest.mark.parametrize("make", [explanation, several])
def test_everything_comes_back_exactly(make: Callable[[], Any], tmp_path: Path) -> None:
    original = make()
    save_explanation(original, tmp_path)
    assert same(load_explanation(tmp_path), original)
    assert same(load_explanation(tmp_path / JSON_NAME), original)


def test_stages_and_candidates_come_back_exactly(tmp_path: Path) -> None:
    original = with_stages(several())
    save_explanation(original, tmp_path)
    loaded = load_explanation(tmp_path)
    assert same(loaded, original)
    assert not same(loaded, several())


def test_grounding_comes_back_with_its_gaps(tmp_path: Path) -> None:
    original = with_grounding(explanation(), [0.25, float("nan"), 1.0])
    save_explanation(original, tmp_path)
    assert same(load_explanation(tmp_path), original)
    assert not same(load_explanation(tmp_path), explanation())
    retensor(tmp_path, grounding=np.full(9, 1.5, np.float32))
    with pytest.raises(SavedFileError, match="neither within 0 and 1 nor NaN"):
        load_explanation(tmp_path)


@pytest.mark.parametrize(
    ("message", "change"),
    [
        ("holds no tensor stages.after_eci", {"stages__after_eci": None}),
        ("stages.activation is F32", {"stages__activation": np.zeros((2, 2), np.float32)}),
        ("after_eci holds values", {"stages__after_eci": np.full((13, 48), -1, np.float32)}),
        ("candidate_maps holds values", {"candidate_maps": np.full((9, 3, 48), 2, np.float32)}),
        ("candidate_maps is F32", {"candidate_maps": np.zeros((8, 3, 48), np.float32)}),
        ("fewer candidates than the 5", {"candidate_maps": np.zeros((9, 5, 48), np.float32)}),
    ],
)
def test_changed_stages_and_candidates(
    tmp_path: Path, message: str, change: dict[str, Any]
) -> None:
    save_explanation(with_stages(explanation()), tmp_path)
    retensor(tmp_path, **change)
    with pytest.raises(SavedFileError, match=message):
        load_explanation(tmp_path)


@pytest.mark.promise(
    "hostile words",
    "any text in words and names, including lone surrogates",
    "saved and loaded exactly",
)
def test_any_text_comes_back(tmp_path: Path) -> None:
    media = picture(name="bad\udcff\x00name.png")  # a file name that is not UTF-8
    original = explanation([media], reply=("猫", "\ud83d", "👩‍👩‍👧", "שלום", "\u2028</script>"))
    save_explanation(original, tmp_path)
    assert same(load_explanation(tmp_path), original)


def test_a_text_without_pictures_comes_back(tmp_path: Path) -> None:
    original = explanation([], [])
    save_explanation(original, tmp_path)
    assert same(load_explanation(tmp_path), original)


def test_strided_arrays_come_back(tmp_path: Path) -> None:
    original = explanation()
    original = replace(original, maps=np.asfortranarray(original.maps))
    save_explanation(original, tmp_path)
    assert same(load_explanation(tmp_path), original)


def test_a_large_picture_comes_back_exactly(tmp_path: Path) -> None:
    large = picture(1900, 1800)
    box = (0.0, 0.0, 1800.0, 1900.0)
    save_explanation(explanation([large], [grid(0, (1, 3, 4), box)]), tmp_path)
    assert np.array_equal(load_explanation(tmp_path).media[0].frames, large.frames)


def test_pictures_of_several_explanations_are_encoded_once(tmp_path: Path) -> None:
    first = several()
    second = replace(first, maps=first.maps / 2)
    encoded: dict[int, list[bytes]] = {}
    for number, made in enumerate((first, second)):
        folder = tmp_path / str(number)
        folder.mkdir()
        save_explanation(made, folder, encoded=encoded)
        assert same(made, load_explanation(folder))
        assert len(encoded) == len(first.media)


def test_what_json_cannot_hold_is_refused(tmp_path: Path) -> None:
    for value in (float("nan"), {1, 2}):
        with pytest.raises(OutputError, match="provenance"):
            save_explanation(replace(explanation(), provenance={"x": value}), tmp_path)


@pytest.mark.promise(
    "saved files",
    "the folder of a whole conversation",
    "a one-line error that names one of its replies",
)
def test_the_folder_of_a_conversation_names_a_reply(tmp_path: Path) -> None:
    for number in (1, 2):
        explanation().save(tmp_path / "talk" / f"reply-{number}")
    with pytest.raises(SavedFileError, match=r"a conversation of 2 replies.* such as .*reply-"):
        load_explanation(tmp_path / "talk")


def test_folders_of_version_1_open() -> None:
    folder = Path(__file__).parent / "saved"
    result = load_explanation(folder / "version-1")
    assert result.text == "A grey greyhound on a bench."
    assert [item.name for item in result.media] == ["one.png", "walk.mp4"]
    assert result.stages is not None
    assert result.candidate_maps is not None
    assert result.candidate_maps.shape == (9, 2, 22)
    assert result.grounding is not None
    assert result.grounding[0] == pytest.approx(0.9)
    assert result.grounding[1] is None
    assert result.words[2].visual == pytest.approx(result.words[2].map(0).max(), abs=0.1)
    assert result.words[2].textual is not None
    without = load_explanation(folder / "version-1-no-relevance")
    assert without.relevance is without.text_scores is without.words[2].textual is None


def test_what_is_not_known_is_kept(saved: Path, tmp_path: Path) -> None:
    result = replace(explanation(), relevance=None, text_scores=None)
    result.maps[3], result.maps[5, :7] = np.nan, np.nan
    save_explanation(result, tmp_path)
    opened = load_explanation(tmp_path)
    assert opened.relevance is opened.text_scores is None
    assert np.array_equal(opened.maps, result.maps, equal_nan=True)


def test_files_from_before_there_were_seams(saved: Path) -> None:
    edit(saved, lambda d: d["grids"][0].pop("seams"))
    assert load_explanation(saved).grids[0].seams == ((), ())


def test_saved_files_open_and_render_without_torch(saved: Path, tmp_path: Path) -> None:
    program = f"""
import sys
sys.modules["torch"] = sys.modules["transformers"] = None
import tam
from rich.console import Console
from tam.render.terminal import show
result = tam.load_explanation({str(saved)!r})
show(result, Console(file=sys.stdout))
print(result.save({str(tmp_path / "again")!r}))
"""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert "greyhound" in run.stdout
    assert (tmp_path / "again" / "report.html").is_file()


def test_the_documentation_names_every_field_and_column(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "format.md").read_text("utf-8")
    save_explanation(with_grounding(with_stages(checked()), [0.5]), tmp_path)
    document = json.loads((tmp_path / JSON_NAME).read_text())
    names = {re.sub(r"\.\d+", ".*", name) for name in load_file(tmp_path / TENSORS_NAME)}
    tensors = {re.sub(r"\.[A-Z]\b", ".*", name) for name in re.findall(r"`([\w.]+)`", page)}
    assert names <= tensors
    fields = set(document) | {key for item in document["tokens"] for key in item}
    for part in ("media", "grids", "predictions", "checks"):
        fields |= set(document[part][0])
    assert {f"`{field}`" for field in {*fields, *COLUMNS}} <= set(re.findall(r"`\w+`", page))


def test_checks_come_back_exactly(tmp_path: Path) -> None:
    original = checked()
    save_explanation(original, tmp_path)
    found = load_explanation(tmp_path)
    assert found.checks == original.checks
    assert [word.check for word in found.words[:3]] == [None, *original.checks]
