"""Made-up explanations of any size, seeded, with smooth bumps as maps of any pictures and clips."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from tam.explanation.explanation import Candidate, Explanation, Prediction, Stages
from tam.geometry.layout import TextToken, VisionGrid
from tam.media.media import Media

ROWS, COLUMNS = 24, 32
"""Rows and columns of cells of each picture or frame."""


def made(
    media: Sequence[Media], words: int, candidates: int = 0, *, stages: bool = False
) -> Explanation:
    """Make an explanation of a reply of this many words about some pictures and clips.

    Parameters
    ----------
    candidates
        The number of candidates of each word that have a map.
    stages
        Whether to include the stages.
    """
    rng = np.random.default_rng(0)
    grids = []
    for index, item in enumerate(media):
        frames = len(item.frames)
        first = sum(grid.cells for grid in grids)
        positions = np.arange(frames * ROWS * COLUMNS) + first
        box = (0.0, 0.0, float(item.width), float(item.height))
        spans = np.stack([np.arange(frames), np.arange(frames) + 1], axis=1)
        grids.append(VisionGrid(index, 0, "whole", (frames, ROWS, COLUMNS), box, positions, spans))
    texts = ["Describe", " these", " pictures", ".", *(f" word{i}" for i in range(words))]
    tokens = tuple(
        TextToken(i, i, i, int(i > 3), "assistant" if i > 3 else "user", text, i)
        for i, text in enumerate(texts)
    )
    names = tuple(Candidate(i, f" candidate{i}", 0.5 / 2**i) for i in range(8))
    count, pictures = len(tokens), sum(len(item.frames) for item in media)
    maps = _bumps(rng, count, pictures)
    relevance = np.tril(rng.random((count, count), dtype=np.float32), -1)
    return Explanation(
        media=tuple(media),
        tokens=tokens,
        prompt_targets=4,
        predictions=(Prediction(0.5, None, names),) * words,
        grids=tuple(grids),
        maps=maps,
        text_scores=relevance,
        relevance=relevance,
        provenance={"model": "benchmark"},
        stages=Stages(maps * 10, maps * 5) if stages else None,
        candidate_maps=(
            _bumps(rng, words * candidates, pictures).reshape(words, candidates, -1)
            if candidates
            else None
        ),
    )


def photograph(width: int, height: int, seed: int = 0) -> np.ndarray[Any, Any]:
    """Make a picture, uint8 [height, width, 3], that compresses about as well as a photograph.

    It is noise whose amplitude grows with its scale (natural images have a 1 / f spectrum), plus
    the faint grain of a sensor.
    """
    rng = np.random.default_rng(seed)
    pixels = np.full((height, width, 3), 128, np.float32)
    for scale in (1024, 512, 256, 128, 64, 32, 16, 8, 4, 2):
        size = max(2, width // scale), max(2, height // scale)
        coarse = rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        layer = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        pixels += (np.asarray(layer, np.float32) - 128) * (scale**0.6 / 110)
    pixels += rng.standard_normal((height, width, 1), np.float32) * 2
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def _bumps(rng: np.random.Generator, count: int, pictures: int) -> np.ndarray[Any, Any]:
    """Return one bump for each map and picture, on faint noise; float32 [count, N]."""
    y, x = np.mgrid[0:ROWS, 0:COLUMNS]
    top = rng.uniform(0, ROWS, (count * pictures, 1))
    left = rng.uniform(0, COLUMNS, (count * pictures, 1))
    distance = (y.reshape(1, -1) - top) ** 2 + (x.reshape(1, -1) - left) ** 2
    values = np.exp(-distance / 20) * 0.9 + rng.random(distance.shape) * 0.05
    return values.reshape(count, -1).astype(np.float32)
