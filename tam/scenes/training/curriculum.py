"""The settings of a training run, its curriculum and its batches.

Every batch is a function of the settings and the step only, so it does not depend on the process
that makes it.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from torch.utils.data import DataLoader, Dataset

from tam.scenes.batch import Batch, Encoder, make_batch
from tam.scenes.tokens import build_tokenizer


@dataclass(frozen=True)
class Stage:
    """A part of the curriculum.

    ``steps`` is its length in the first part of a run, in which the pictures grow (0: it takes no
    part there), and ``share`` is its share of the later steps. The other fields are its grids of
    cells, object counts, rows of a batch, turns of a row, and kind of example.
    """

    steps: int
    share: float
    grids: tuple[tuple[int, int], ...]
    objects: tuple[int, int]
    rows: int
    turns: int
    kind: str = "picture"


_CROPS = ((5, 5), (6, 6), (7, 7), (8, 8), (6, 8), (8, 6))
_MIDDLE = ((8, 8), (9, 9), (11, 11), (10, 12), (12, 10))
_WHOLE = ((16, 16), (16, 16), (15, 18), (18, 15), (14, 19), (20, 13))


def _curriculum(crops: int, middle: int) -> tuple[Stage, ...]:
    """Return a curriculum that begins with ``crops`` steps on crops and ``middle`` on middle sizes.

    Afterwards all sizes and kinds are mixed by their shares.
    """
    return (
        Stage(crops, 0.05, _CROPS, (1, 1), 32, 5),
        Stage(middle, 0.30, _MIDDLE, (1, 3), 20, 7),
        Stage(0, 0.28, _WHOLE, (1, 4), 12, 8),
        Stage(0, 0.15, (*_CROPS[2:], *_MIDDLE[:2]), (1, 3), 20, 12, "drill"),
        Stage(0, 0.12, (*_MIDDLE[1:], (16, 16)), (1, 4), 10, 6, "pictures"),
        Stage(0, 0.10, (*_MIDDLE[1:], (16, 16)), (1, 2), 6, 6, "clip"),
    )


CURRICULA: dict[str, tuple[Stage, ...]] = {
    "whole": _curriculum(1400, 800),
    "language": _curriculum(300, 0),
    "tower": (
        Stage(2000, 0.0, _CROPS, (1, 1), 64, 1),
        Stage(0, 1.0, (*_CROPS, *_MIDDLE), (1, 1), 64, 1),
    ),
    "alignment": _curriculum(500, 500),
}
"""The stages of each phase of training; see `tam.scenes.training.phases`."""

_LARGEST = 64
"""An upper bound of the rows of a stage, which reserves scene indices for every step."""


@dataclass(frozen=True)
class Settings:
    """Settings of a run: equal settings give equal weights on the same kind of machine.

    ``phase`` is what is trained (`tam.scenes.training.phases`). ``readability`` is the supervision
    of the vision positions in the phase ``whole``, and ``weight`` its weight relative to the
    answers. ``breadth`` multiplies the rows of each stage's batches.
    """

    phase: str = "whole"
    seed: int = 0
    steps: int = 7500
    decay: int = 2500
    warmup: int = 300
    rate: float = 1.5e-3
    breadth: int = 5
    readability: str = "weak"
    weight: float = 2.0
    bfloat16: bool = True


RECIPES: dict[str, Settings] = {
    "whole": Settings(),
    "language": Settings("language", steps=3000, decay=1000, rate=2e-3, breadth=1),
    "tower": Settings("tower", steps=3500, decay=500, rate=2e-3, breadth=1),
    "alignment": Settings("alignment", steps=7000, decay=3000, rate=1.5e-3, breadth=1),
}
"""The settings of each phase with which the shipped models were trained."""


def learning_rate(settings: Settings, step: int) -> float:
    """Return the rate: linear warm-up, a plateau, a cosine to 2 % over the last ``decay`` steps."""
    if step < settings.warmup:
        return settings.rate * (step + 1) / settings.warmup
    left = min(1.0, (settings.steps - step) / max(1, settings.decay))
    return settings.rate * (0.02 + 0.98 * 0.5 * (1 - math.cos(math.pi * left)))


def stage_of(settings: Settings, step: int) -> Stage:
    """Return the stage of a step: at first one after another, later drawn by their shares."""
    stages = CURRICULA[settings.phase]
    for stage in stages:
        if step < stage.steps:
            return stage
        step -= stage.steps
    shares = np.array([stage.share for stage in stages])
    rng = np.random.default_rng([settings.seed, step])
    return stages[int(rng.choice(len(stages), p=shares / shares.sum()))]


def batch_of(encoder: Encoder, settings: Settings, step: int) -> Batch:
    """Make the batch of a step, from scenes that no other step uses."""
    stage = stage_of(settings, step)
    rng = np.random.default_rng([settings.seed, step, 1])
    first = (settings.seed * 20_000_000 + step * _LARGEST * settings.breadth) % 900_000_000
    return make_batch(
        encoder,
        split="train",
        first=first,
        count=stage.rows * settings.breadth,
        grid=stage.grids[int(rng.integers(len(stage.grids)))],
        objects=stage.objects,
        turns=stage.turns,
        masks=settings.readability == "masks" or settings.phase == "language",
        kind=stage.kind,
    )


def batches(settings: Settings, first: int, workers: int) -> Iterator[Batch]:
    """Iterate over the batches from step ``first`` on.

    ``workers`` processes make them ahead of time; with 0, each is made when it is requested.
    """
    steps = range(first, settings.steps)
    loader: DataLoader[Batch] = DataLoader(
        _Steps(settings),
        batch_size=None,
        sampler=steps,
        num_workers=workers,
        collate_fn=_unchanged,
        # Forking a process with threads may hang.
        multiprocessing_context="spawn" if workers else None,
        prefetch_factor=4 if workers else None,
    )
    return iter(loader)


class _Steps(Dataset[Batch]):
    """Batches indexed by step. Each process makes its own encoder on first use."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def _encoder(self) -> Encoder:
        return Encoder(build_tokenizer())

    def __getitem__(self, step: int) -> Batch:
        return batch_of(self._encoder, self._settings, step)


def _unchanged(batch: Any) -> Any:
    return batch
