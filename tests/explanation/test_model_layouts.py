"""A word's strength and location are the same everywhere, on layouts of real model families."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import tam
from tam.cli.summary import summary
from tam.report.data import payload
from tests.tiny.anyres import tiny_llava_next
from tests.tiny_models import tiny_llava

WIDE = np.random.default_rng(0).integers(0, 255, (60, 300, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    "make",
    [tiny_llava_next, partial(tiny_llava, pad=True)],
    ids=["tiles and thumbnail", "padded"],
)
def test_every_surface_tells_the_maximum_of_the_map(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    model = tam.load(str(make(tmp_path)))
    result = model.explain(WIDE, "What is in the picture", answer="a big zebra on a bench")
    (page,) = payload([result], [""])["explanations"]
    shown = page["words"][len(result.prompt_words) :]
    for word, told, drawn in zip(result.words, summary(result)["words"], shown, strict=True):
        heat, peak = word.map(0), word.peak()
        assert peak is not None
        assert word.visual == peak.value == drawn["visual"] == drawn["peak"]["value"]
        assert word.visual == pytest.approx(heat.max(), abs=1e-6)
        assert heat[peak.y, peak.x] == pytest.approx(peak.value, abs=1e-6)
        (best,) = told["peaks"]
        assert best["value"] == told["visual"] == round(peak.value, 4)
        x0, y0, x1, y1 = best["box"]
        assert 0 <= x0 <= peak.x < x1 <= 300
        assert 0 <= y0 <= peak.y < y1 <= 60
