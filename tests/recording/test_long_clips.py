"""Conversations of more tokens than the model states positions for."""

import numpy as np
import pytest

import tam
from tam.media.media import Media


@pytest.mark.promise(
    "models",
    "more vision tokens than the model's stated positions",
    "explained, with a note where positions exceed the limit",
)
@pytest.mark.parametrize(
    ("frames", "tokens"), [(28, 4_536), pytest.param(58, 9_396, marks=pytest.mark.grid)]
)
def test_long_clips_are_explained(frames: int, tokens: int) -> None:
    model = tam.load("small")
    stated = model.module.config.get_text_config().max_position_embeddings
    assert tokens > stated
    pixels = np.zeros((frames, 208, 208, 3), np.uint8)
    pixels[:, 60:120, 60:120, 0] = 255
    clip = Media(pixels, np.arange(frames) / 10, "clip", kind="video", drawn=True)
    result = model.explain(clip, "What is it?", answer="red")
    assert result.maps.shape[1] == tokens
    assert np.isfinite(result.maps).all()
    assert not result.provenance["notes"]  # M-RoPE gives a clip fewer positions than tokens


def test_words_beyond_the_stated_positions_are_noted() -> None:
    picture = Media(np.zeros((1, 64, 64, 3), np.uint8), np.zeros(1), "black", drawn=True)
    result = tam.load("small").explain(picture, "red " * 4_100, answer="red")
    [note] = result.provenance["notes"]
    assert "has 4,128 positions, but the model's configuration states a range of 4,096" in note
