"""Synthetic explanations for tests of rendering, saving and display."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tam.explanation.explanation import Candidate, Explanation, Prediction, Stages
from tam.geometry.layout import Box, Seams, TextToken, VisionGrid
from tam.media.media import Media

PROMPT = ("What", " is", " here", "?")
REPLY = ("A", " grey", " gr", "ey", "hound", " on", " a", " bench", ".")
REPLY_WORDS = (0, 1, 2, 2, 2, 3, 4, 5, 6)


def picture(height: int = 48, width: int = 64, name: str = "dog.png", seed: int = 0) -> Media:
    """Return a smooth picture with some noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    base = np.stack([x * 255 // width, y * 255 // height, np.full_like(x, 120)], axis=-1)
    noise = rng.integers(-9, 9, base.shape)
    return Media(np.clip(base + noise, 0, 255).astype(np.uint8)[None], np.zeros(1), name)


def clip(frames: int = 4, height: int = 40, width: int = 56) -> Media:
    """Return a clip of different frames."""
    stills = [picture(height, width, seed=seed).frames[0] for seed in range(frames)]
    return Media(np.stack(stills), np.arange(frames) / 2, "walk.mp4", "video")


def grid(
    media: int,
    shape: tuple[int, int, int],
    box: Box,
    *,
    spans: Sequence[tuple[int, int]] = ((0, 1),),
    first: int = 0,
    view: str = "whole",
    turn: int = 0,
    seams: Seams = ((), ()),
) -> VisionGrid:
    """Return a grid whose positions begin at ``first``."""
    positions = np.arange(first, first + int(np.prod(shape)), dtype=np.int64)
    return VisionGrid(media, turn, view, shape, box, positions, np.array(spans, np.int64), seams)


def explanation(
    media: Sequence[Media] | None = None,
    grids: Sequence[VisionGrid] | None = None,
    *,
    prompt: Sequence[str] = PROMPT,
    reply: Sequence[str] = REPLY,
    reply_words: Sequence[int] | None = None,
    notes: Sequence[str] = ("The reply was given.",),
    seed: int = 0,
) -> Explanation:
    """Return a complete explanation with seeded random maps."""
    rng = np.random.default_rng(seed)
    media = [picture()] if media is None else media
    if grids is None:
        grids = [grid(0, (1, 6, 8), (0.0, 0.0, float(media[0].width), float(media[0].height)))]
    if reply_words is None:
        reply_words = REPLY_WORDS if tuple(reply) == REPLY else range(len(reply))
    tokens = [
        TextToken(100 + i, 50 + i, 50 + i, 0, "user", text, i) for i, text in enumerate(prompt)
    ]
    for i, (text, word) in enumerate(zip(reply, reply_words, strict=True)):
        place = len(prompt) + i
        word_index = len(prompt) + word if word >= 0 else -1
        tokens.append(TextToken(200 + i, 60 + place, 59 + place, 1, "assistant", text, word_index))
    count, cells = len(tokens), sum(g.cells for g in grids)
    relevance = np.tril(rng.random((count, count)), -1).astype(np.float32)
    return Explanation(
        media=tuple(media),
        tokens=tuple(tokens),
        prompt_targets=len(prompt),
        predictions=tuple(_prediction(token, rng) for token in tokens[len(prompt) :]),
        grids=tuple(grids),
        maps=_maps(rng, count, cells),
        text_scores=relevance * np.float32(12.5),
        relevance=relevance,
        provenance={"model": "hand/made", "versions": {"tam": "0"}, "notes": list(notes)},
    )


def with_stages(original: Explanation, candidates: int = 3, seed: int = 5) -> Explanation:
    """Return an explanation with stages, and with maps of the first candidates."""
    rng = np.random.default_rng(seed)
    activation = _maps(rng, *original.maps.shape) * np.float32(9)
    after = activation * _maps(rng, *original.maps.shape)
    shape = (len(original.predictions), candidates, original.maps.shape[1])
    return replace(
        original,
        stages=Stages(activation, after),
        candidate_maps=rng.random(shape, dtype=np.float32),
    )


def with_grounding(original: Explanation, scores: Sequence[float]) -> Explanation:
    """Return an explanation with grounding scores only for its first tokens."""
    kept = np.full(len(original.predictions), np.nan, np.float32)
    kept[: len(scores)] = scores
    return replace(original, token_grounding=kept)


def with_unread(original: Explanation, *texts: str) -> Explanation:
    """Return an explanation with a cut reply, and with dropped parts of its first turn."""
    dropped = [
        {"turn": 0, "role": "user", "text": text, "before_token": min(place, 2)}
        for place, text in enumerate(texts)
    ]
    return replace(
        original, provenance={**original.provenance, "dropped_text": dropped, "cut": True}
    )


def _maps(rng: np.random.Generator, count: int, cells: int) -> NDArray[np.float32]:
    return rng.random((count, cells), dtype=np.float32)


def _prediction(token: TextToken, rng: np.random.Generator) -> Prediction:
    probability = float(rng.uniform(0.3, 0.9))
    others = [(900, " cat", 0.5), (901, "\n", 0.3), (902, "猫", 0.2)]
    candidates = [Candidate(token.id, token.text, probability)]
    candidates += [Candidate(i, text, share * (1 - probability)) for i, text, share in others]
    return Prediction(probability, float(rng.uniform(0.3, 0.9)), tuple(candidates))


def several() -> Explanation:
    """Return an explanation of two pictures, the second with tiles and a thumbnail, and a clip."""
    media = [picture(name="one.png"), picture(60, 40, "two.png", seed=1), clip()]
    grids = [
        grid(0, (1, 6, 6), (8.0, 0.0, 56.0, 48.0)),
        grid(
            1,
            (1, 8, 6),
            (0.0, 0.0, 40.0, 60.0),
            first=100,
            view="tiles",
            seams=((20.0,), (15.0, 30.0, 45.0)),
        ),
        grid(1, (1, 3, 3), (-10.0, 0.0, 50.0, 60.0), first=200, view="thumbnail"),
        grid(2, (2, 4, 5), (0.0, 0.0, 56.0, 40.0), spans=[(0, 2), (2, 4)], first=300),
    ]
    return explanation(media, grids)


def same(a: Explanation, b: Explanation) -> bool:
    """Whether two explanations have exactly the same content."""
    arrays = ("maps", "text_scores", "relevance")
    plain = ("tokens", "prompt_targets", "predictions", "provenance")
    return (
        all(_equal(getattr(a, name), getattr(b, name)) for name in arrays)
        and _same_optional(a, b)
        and all(getattr(a, name) == getattr(b, name) for name in plain)
        and len(a.media) == len(b.media)
        and all(_same_media(x, y) for x, y in zip(a.media, b.media, strict=True))
        and len(a.grids) == len(b.grids)
        and all(_same_grid(x, y) for x, y in zip(a.grids, b.grids, strict=True))
    )


def _same_optional(a: Explanation, b: Explanation) -> bool:
    kept = []
    for item in (a, b):
        stages = [item.stages.activation, item.stages.after_eci] if item.stages else []
        kept.append([*stages, *([] if item.candidate_maps is None else [item.candidate_maps])])
    return (
        len(kept[0]) == len(kept[1])
        and all(map(_equal, *kept))
        and np.array_equal(
            *(
                np.zeros(0) if item.token_grounding is None else item.token_grounding
                for item in (a, b)
            ),
            equal_nan=True,
        )
    )


def _same_media(a: Media, b: Media) -> bool:
    named = (a.name, a.kind) == (b.name, b.kind)
    return named and _equal(a.frames, b.frames) and _equal(a.times, b.times)


def _same_grid(a: VisionGrid, b: VisionGrid) -> bool:
    plain = ("media", "turn", "view", "shape", "box", "seams")
    return (
        all(getattr(a, name) == getattr(b, name) for name in plain)
        and _equal(a.positions, b.positions)
        and _equal(a.spans, b.spans)
    )


def _equal(a: NDArray[np.generic], b: NDArray[np.generic]) -> bool:
    return a.dtype == b.dtype and np.array_equal(a, b)
