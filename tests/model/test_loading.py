"""What does not load as it was saved is an error in one line, with names."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import tam
from tam.errors import ModelError
from tam.model.settings_files import SETTINGS

Tensors = dict[str, torch.Tensor]
WEIGHTS = "model.safetensors"


@pytest.fixture
def folder(qwen_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(qwen_folder, tmp_path / "model"))


def change(folder: Path, edit: Callable[[Tensors, str], None]) -> str:
    """Edit the weights of one layer; give its name."""
    tensors = load_file(folder / WEIGHTS)
    key = next(name for name in sorted(tensors) if "down_proj" in name)
    edit(tensors, key)
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    return key


def drop(tensors: Tensors, key: str) -> None:
    del tensors[key]


def shorten(tensors: Tensors, key: str) -> None:
    tensors[key] = tensors[key][:-1].clone()


@pytest.mark.parametrize(
    ("edit", "said"), [(drop, "are missing in the checkpoint"), (shorten, "have another shape")]
)
def test_missing_and_misshapen_tensors_are_named(
    folder: Path, edit: Callable[[Tensors, str], None], said: str
) -> None:
    key = change(folder, edit)
    with pytest.raises(ModelError, match=said) as caught:
        tam.load(folder)
    assert "down_proj" in str(caught.value)
    assert key.rpartition("layers")[2] in str(caught.value)
    assert "\n" not in str(caught.value)
    [note] = tam.load(folder, allow_missing=True).provenance["notes"]
    assert said in note
    assert "random numbers" in note


def test_tensors_that_the_model_does_not_use_are_noted(folder: Path) -> None:
    change(folder, lambda tensors, _: tensors.update(surplus=torch.zeros(2)))
    [note] = tam.load(folder).provenance["notes"]
    assert "does not use all tensors" in note
    assert "surplus" in note


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (WEIGHTS, b""),
        (WEIGHTS, b"\x10\x00\x00\x00\x00\x00\x00\x00{"),
        ("config.json", b'{"model_type": "qwen2_vl", "text_config": []}'),
        ("config.json", b'{"model_type": "qwen2_vl", "text_config": {"hidden_size": -1}}'),
        ("tokenizer.json", b"{}"),
    ],
)
def test_damaged_files_are_told_in_one_line(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(ModelError) as caught:
        tam.load(folder)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.promise(
    "models", "a settings file that is not a JSON object", "a one-line error that names the file"
)
@pytest.mark.parametrize("name", [*SETTINGS, "tokenizer.json"])
def test_settings_that_are_not_an_object_are_told_by_name(folder: Path, name: str) -> None:
    for content in ("[]", "null", "3", '"qwen2_vl"', "true"):
        (folder / name).write_text(content)
        with pytest.raises(ModelError, match=f"{re.escape(name)} is not a JSON object"):
            tam.load(folder)
    for content in (b"{", b"", b"\xff{}", b'{"a":' + b"[" * 100_000):
        (folder / name).write_bytes(content)
        with pytest.raises(ModelError, match=f"{re.escape(name)} is not|its processor cannot"):
            tam.load(folder)


def test_truncated_weights_are_told(folder: Path) -> None:
    content = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelError, match="weights cannot be read"):
        tam.load(folder)


def test_a_model_in_copies_is_refused_by_name(qwen_folder: Path) -> None:
    model = tam.load(qwen_folder)
    with pytest.raises(ModelError, match=r"DataParallel.*\.module"):
        tam.wrap(torch.nn.DataParallel(model.module), model.processor)
