"""Tiny checkpoints, loaded like any other checkpoint."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import AutoModelForMultimodalLM, AutoProcessor

from tam.explanation.explanation import Explanation
from tam.families.adapter import Encoded, PlacedMedia
from tam.families.registry import adapter_for
from tam.geometry.layout import VisionLayout
from tam.media import Media
from tam.replay import Replay

Loaded = tuple[Any, Any]
"""A model and its processor."""


def load(make: Callable[[Path], Path], folder: Path) -> Loaded:
    made = make(folder)
    model = AutoModelForMultimodalLM.from_pretrained(made).eval()
    return model, AutoProcessor.from_pretrained(made)


def layout_of(
    loaded: Loaded, ids: Sequence[int], media: Sequence[Media], **arrays: Any
) -> VisionLayout:
    """Return the adapter's layout for a prompt of these ids, after its check of the media."""
    model, processor = loaded
    adapter = adapter_for(model.config)
    adapter.check_media(media)
    placed = [PlacedMedia(item, turn=0) for item in media]
    outputs = {name: np.array(value) for name, value in arrays.items()}
    encoded = Encoded(np.array(ids, np.int64), outputs, placed, model.config, processor)
    return adapter.vision_layout(encoded)


def assert_on_one_scale(
    found: Explanation, target: int, evidence: NDArray[Any], replay: Replay
) -> None:
    """Check a target's map and relevance against the evidence [L], divided by its maximum."""
    trace = replay.trace
    assert found.relevance is not None
    cells = evidence[trace.vision.positions]
    words = evidence[[token.position for token in trace.text.tokens[:target]]]
    top = max(cells.max(), words.max())
    assert np.allclose(found.maps[target], cells / top, atol=1e-5)
    assert np.allclose(found.relevance[target, :target], words / top, atol=1e-5)
    assert not found.relevance[target, target:].any()


def scaled(values: NDArray[Any]) -> NDArray[Any]:
    """Scale a map from 0 at its lowest cell to 1 at its highest, as methods do."""
    return (values - values.min()) / ((values.max() - values.min()) or 1)
