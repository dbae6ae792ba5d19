"""Batches of inputs that cannot be combined: each question is answered as by itself."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tam
from tam.errors import MediaError
from tam.media.media import Media, image_from_array
from tests.tiny.anyres import tiny_llava_next, tiny_llava_onevision
from tests.tiny.tagged import tiny_idefics3, tiny_smolvlm
from tests.tiny.tiled import tiny_internvl
from tests.tiny_models import tiny_qwen2_vl

RNG = np.random.default_rng(0)


def picture(height: int, width: int) -> Media:
    pixels = RNG.integers(0, 255, (height, width, 3), dtype=np.uint8)
    return image_from_array(pixels, f"{width} × {height}")


def clip(frames: int, height: int = 60, width: int = 60) -> Media:
    pixels = RNG.integers(0, 255, (frames, height, width, 3), dtype=np.uint8)
    return Media(pixels, np.arange(frames) / 2, f"{frames} frames", "video")


PICTURES: list[Any] = [
    (picture(60, 240), "What?"),
    (picture(60, 60), "Why is it so?"),
    ([picture(240, 60), picture(60, 180)], "Which?"),
    ("there is no such picture.png", "Who?"),
]
CLIPS: list[Any] = [(clip(5), "Where?"), (clip(2), "When?"), ([clip(3, 60, 120)], "How?")]
FAMILIES: dict[str, tuple[Callable[[Path], Path], bool]] = {
    "llava_next": (tiny_llava_next, False),
    "llava_onevision": (tiny_llava_onevision, True),
    "qwen2_vl": (tiny_qwen2_vl, True),
    "internvl": (tiny_internvl, True),
    "idefics3": (tiny_idefics3, False),
    "smolvlm": (tiny_smolvlm, True),
}


@pytest.mark.promise(
    "models",
    (
        "a batch with clips of different lengths, pictures with different numbers of "
        "tiles, or pictures and clips"
    ),
    (
        "answered in compatible parts, each item as if alone; a question that cannot be "
        "read does not affect the others"
    ),
)
@pytest.mark.parametrize("family", FAMILIES)
def test_what_does_not_go_together_is_answered_in_parts(family: str, tmp_path: Path) -> None:
    build, clips = FAMILIES[family]
    model = tam.load(build(tmp_path))
    mixed = [pair for pairs in zip(PICTURES, CLIPS, strict=False) for pair in pairs]
    questions = [*mixed, PICTURES[-1]] if clips else PICTURES
    options: Any = {"max_new_tokens": 3, "suppress_tokens": sorted(model.special_ids())}
    found = list(model.explain_batch(questions, batch_size=8, keep_going=True, **options))
    assert len(found) == len(questions)
    for result, asked in zip(found, questions, strict=True):
        if asked is PICTURES[-1]:
            assert isinstance(result, MediaError)
            continue
        wanted = model.explain(*asked, **options)
        assert isinstance(result, tam.Explanation)
        assert result.text == wanted.text
        assert np.allclose(result.maps, wanted.maps, atol=1e-4)
