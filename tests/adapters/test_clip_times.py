"""The times that a prompt states are those of the clip, which the report shows too."""

import re
from pathlib import Path

import numpy as np
import pytest
from transformers import AutoConfig, AutoProcessor

from tam.families.registry import adapter_for
from tam.media import Media
from tam.prompt.conversation import question
from tam.prompt.encoding import encode
from tests.tiny import BUILDERS, TAKING_CLIPS

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

# For each family that writes times: the pattern of a time, and the times of the frames below.
MERGED = (r"<([\d.]+) seconds>", ["10.2", "73.0"])
WHOLE_FIRST = (r"<\|end_of_image\|>(\d+)", ["10", "71"])
FIRST = (r"<\|end_of_image\|>([\d.]+) seconds", ["10.0", "71.9"])
CLOCK = (r"(\d\d:\d\d)", ["00:10", "00:10", "01:11", "01:14"])
TOLD = {
    "qwen3_vl": MERGED,
    "qwen3_vl_moe": MERGED,
    "qwen3_5": MERGED,
    "qwen3_5_moe": MERGED,
    "glm4v": WHOLE_FIRST,
    "glm4v_moe": WHOLE_FIRST,
    "glm46v": FIRST,
    "glm_ocr": FIRST,
    "gemma4": CLOCK,
    "molmo2": (r"([\d.]+) <frame_start>", ["10.0", "10.4", "71.9", "74.1"]),
    "smolvlm": (r"Frame from (\d\d:\d\d):", CLOCK[1]),
}
# Uneven times that start in the middle of a clip.
TIMES = np.array([10.0, 10.4, 71.9, 74.1])


def prompt_of(family: str, folder: Path, times: np.ndarray) -> tuple[str, dict]:
    made = BUILDERS[family](folder)
    processor, config = AutoProcessor.from_pretrained(made), AutoConfig.from_pretrained(made)
    clip = Media(np.zeros((len(times), 64, 64, 3), np.uint8), times, "clip", "video")
    prompt = encode(processor, question([clip], "What moves?"), adapter_for(config))
    return processor.tokenizer.decode(prompt.ids), dict(prompt.inputs)


@pytest.mark.parametrize("family", [name for name in TOLD if name in TAKING_CLIPS])
def test_a_prompt_tells_the_times_of_the_frames(tmp_path: Path, family: str) -> None:
    pattern, expected = TOLD[family]
    text, _ = prompt_of(family, tmp_path, TIMES)
    assert re.findall(pattern, text) == expected


def test_no_other_family_writes_times(tmp_path: Path) -> None:
    """A new family that does has its place above."""
    for family in ("qwen2_vl", "llava_onevision", "video_llava", "llava_next_video", "internvl"):
        text, _ = prompt_of(family, tmp_path / family, TIMES)
        assert not re.search(r"\b(10|71|73|74)\b", text)


def test_the_step_between_frames_is_the_usual_one(tmp_path: Path) -> None:
    for start, step in ((0.0, 0.5), (10.0, 0.25), (3.0, 4.0)):
        times = start + step * np.arange(4)
        _, inputs = prompt_of("qwen2_5_vl", tmp_path / str(step), times)
        # Seconds of one cell, which holds two frames.
        assert float(inputs["second_per_grid_ts"][0]) == pytest.approx(2 * step)
