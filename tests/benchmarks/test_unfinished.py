"""Benchmarks go on where they stopped, and never on with other weights."""

from pathlib import Path

import pytest

from benchmarks import unfinished
from benchmarks.unfinished import kept, work_folder


def test_only_what_is_missing_is_measured(tmp_path: Path) -> None:
    asked: list[int] = []

    def square(number: int) -> int:
        asked.append(number)
        return number**2

    path = tmp_path / "in" / "kept.jsonl"
    assert kept(path, 2, square) == [0, 1]
    with path.open("a") as stream:
        stream.write('{"torn')
    assert kept(path, 4, square) == [0, 1, 4, 9]
    assert kept(path, 3, square) == [0, 1, 4]
    assert asked == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("model", "place"), [("small", "weights_folder"), ("photo", "assembled_folder")]
)
def test_other_weights_have_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, place: str
) -> None:
    weights = tmp_path / "model.safetensors"
    monkeypatch.setattr(unfinished, place, lambda _name: tmp_path)
    weights.write_bytes(b"one")
    first = work_folder([model])
    assert work_folder([model]) == first != work_folder([model, "other"])
    weights.write_bytes(b"two")
    assert work_folder([model]) != first
