"""Pointing measures of a reply's true color and shape words, for four stages of the method."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tam.evaluate.localization import (
    center_peak,
    chance,
    energy_in_object,
    iou_at_otsu,
    peak_in_object,
)
from tam.scenes.replies import Reply, Speaker
from tam.scenes.world import COLORS, SHAPES

STAGES: tuple[str, ...] = ("activation", "eci", "rgf", "tam")
MEASURES = {
    "peak_in_object": peak_in_object,
    "energy_in_object": energy_in_object,
    "iou_at_otsu": iou_at_otsu,
}

Truth = Mapping[tuple[str, str], NDArray[np.bool_]]
"""Visible pixels bool [G, H, W] of each object, keyed by its (color, shape)."""


@dataclass(frozen=True)
class WordRecord:
    """One true color or shape word of a reply: its scene, measures and controls.

    ``measures`` holds a value for each (measure, stage). For each stage, ``in_time`` is 1 if the
    map's peak lies in a grid that shows the object at all, else 0; ``shown`` is the share of such
    grids. Both are 1 for a still.
    """

    scene: int
    word: str
    measures: dict[tuple[str, str], float]
    chance: float
    center: float
    in_time: dict[str, float]
    shown: float

    @property
    def kind(self) -> str:
        """Whether it names a color or a shape."""
        return "color" if self.word in COLORS else "shape"


def word_records(speaker: Speaker, reply: Reply, truth: Truth, scene: int) -> list[WordRecord]:
    """Measure the color and shape words of a reply that are true of some object.

    The grids of a clip are stacked vertically, so a peak counts as right only at the right position
    in the right grid.
    """
    words = [
        (word, tokens, masks)
        for word, tokens in _world_words(speaker, reply)
        if (masks := [mask for pair, mask in truth.items() if word in pair])
    ]
    if not words:
        return []
    stages = _stages(speaker, reply)
    records = []
    for word, tokens, masks in words:
        mask = np.logical_or.reduce(masks)
        tall = mask.reshape(-1, mask.shape[-1])
        when = mask.any(axis=(1, 2))
        values: dict[tuple[str, str], float] = {}
        in_time: dict[str, float] = {}
        for stage, maps in stages.items():
            heat = _to_pixels(maps[tokens].max(axis=0), reply.grids, mask.shape)
            values |= {(name, stage): measure(heat, tall) for name, measure in MEASURES.items()}
            peaks = heat.reshape(mask.shape).max(axis=(1, 2))
            in_time[stage] = float(peaks.max() > 0 and when[int(peaks.argmax())])
        center = float(np.mean([center_peak(part) for part in mask]))
        records.append(
            WordRecord(scene, word, values, chance(tall), center, in_time, float(when.mean()))
        )
    return records


def _stages(speaker: Speaker, reply: Reply) -> dict[str, NDArray[np.float32]]:
    """Compute the maps [K, N] of every stage of the method, for the reply's K tokens."""
    import torch

    from tam.engine.maps import token_activation_maps
    from tam.engine.ops.dispatch import select

    earlier = _text_positions(speaker, reply)
    length = len(reply.ids)
    config = speaker.model.config
    vision = torch.isin(
        reply.ids, torch.tensor([config.image_token_id, config.video_token_id])
    ).nonzero()[:, 0]
    targets = reply.ids[[*earlier, *range(reply.prompt, length)]]
    context = [*earlier, *range(reply.prompt - 1, length - 1)]
    rows = speaker.model.lm_head.weight.detach()[targets]
    result = token_activation_maps(
        reply.states, rows, vision, context, targets, reply.grids, len(earlier), stages=True
    )
    stops = torch.arange(len(targets)).clamp(min=len(earlier))
    raw = result.activation.double()
    origin, span, *_ = select("joint_scaling")(
        raw.amin(1, keepdim=True), raw.amax(1, keepdim=True), result.text_scores.double(), stops
    )
    filtered = select("rank_filter")(raw, list(reply.grids), 3, origin, span)
    named = (result.activation, result.after_eci, filtered, result.maps)
    return {
        stage: maps[len(earlier) :].float().numpy()
        for stage, maps in zip(STAGES, named, strict=True)
    }


def _text_positions(speaker: Speaker, reply: Reply) -> list[int]:
    """Return the positions of all text before the reply, without special tokens and role names."""
    names = speaker.processor.tokenizer.convert_ids_to_tokens(reply.ids[: reply.prompt].tolist())
    found: list[int] = []
    start = len(names)
    for at, name in enumerate(names):
        if name == "<|im_start|>":
            start = at + 3  # skip the special token, the role and a line break
        elif name == "<|im_end|>":
            start = len(names)
        elif at >= start and not (name.startswith("<|") and name.endswith("|>")):
            found.append(at)
    return found


def _world_words(speaker: Speaker, reply: Reply) -> list[tuple[str, list[int]]]:
    """Return the color and shape words of a reply, each with the indices of its tokens."""
    tokenizer: Any = speaker.processor.tokenizer
    pieces = [tokenizer.decode([token]) for token in reply.ids[reply.prompt :].tolist()]
    ends = np.cumsum([len(piece) for piece in pieces])
    found = []
    for match in re.finditer(rf"\b({'|'.join((*COLORS, *SHAPES))})\b", "".join(pieces)):
        tokens = [
            at
            for at, end in enumerate(ends)
            if end > match.start() and end - len(pieces[at]) < match.end()
        ]
        found.append((match.group(), tokens))
    return found


def _to_pixels(
    cells: NDArray[np.float32], grids: tuple[tuple[int, int], ...], shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """Upsample the cells [N] of all grids to pixels [G * H, W], one grid below the other."""
    from tam.geometry.upsample import upsample

    _, height, width = shape
    parts = np.split(cells, np.cumsum([h * w for h, w in grids])[:-1])
    return np.concatenate(
        [
            upsample(part.reshape(grid), (0, 0, width, height), height, width)
            for part, grid in zip(parts, grids, strict=True)
        ]
    )
