"""``tam demo``: the right thing in the right place."""

from pathlib import Path

import numpy as np
import pytest

import tam
from tam.cli import run

# The cup without its saucer, in pixels of the demo's photograph: x, y, width, height.
CUP = (165, 35, 175, 190)


def test_the_demo_shows_the_cup_where_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "demo"
    assert run(["demo", "--model", "photo", "--out", str(out)]) == 0
    assert "cup" in capsys.readouterr().out
    result = tam.load_explanation(out)
    word = result.words["cup"]
    heat = word.map()
    assert heat.shape == (300, 450)
    x, y, width, height = CUP
    inside = np.zeros(heat.shape, bool)
    inside[y : y + height, x : x + width] = True
    assert inside[np.unravel_index(int(heat.argmax()), heat.shape)]
    assert heat[inside].mean() > 3 * heat[~inside].mean()
    assert heat.max() > 0.5, "the word needs what its map marks"
    page = (out / "report.html").read_text(encoding="utf-8")
    assert all(f'"{method}"' in page for method in ("tam-cause", "tam")), "a switch between both"
