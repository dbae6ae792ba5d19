"""Saved explanations with changes, for the tests of reading them."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file, save_file

from tam.explanation.check import Check
from tam.explanation.explanation import Explanation
from tam.files.storage import JSON_NAME, TENSORS_NAME
from tests.hand_made import (
    explanation,
)


def edit(folder: Path, change: Callable[[Any], None]) -> None:
    path = folder / JSON_NAME
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def retensor(folder: Path, **tensors: Any) -> None:
    path = folder / TENSORS_NAME
    held = load_file(path)
    for name, tensor in tensors.items():
        del held[name.replace("__", ".")]
        if tensor is not None:
            held[name.replace("__", ".")] = tensor
    save_file(held, path)


def checked() -> Explanation:
    """Return an explanation with a word that was checked and one that cannot be checked."""
    result = explanation()
    first, second = (word.targets for word in result.words[1:3])
    return replace(
        result,
        checks=(
            Check(first, "blur", -0.25, -3.5, (-0.25, -0.5, -0.125), growth=0.03),
            Check(second, "mean", -0.5, reason="no-room", threshold=0.5),
        ),
    )
