"""Inputs of the engine: random runs of any size."""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch

_PROMPT_TARGETS, _TEMPLATE = 12, 16


@dataclass(frozen=True)
class Case:
    """Sizes of one run.

    Parameters
    ----------
    cells, targets, width
        N, K and D.
    dtype
        The dtype of the states and the head, by its name in torch.
    """

    cells: int = 768
    targets: int = 128
    width: int = 1536
    dtype: str = "float32"

    @property
    def prompt_targets(self) -> int:
        """The number of targets that are words of the prompt."""
        return min(_PROMPT_TARGETS, self.targets)

    @property
    def grid(self) -> tuple[int, int]:
        """The most nearly square grid of N cells."""
        rows = next(r for r in range(math.isqrt(self.cells), 0, -1) if self.cells % r == 0)
        return rows, self.cells // rows


@dataclass(frozen=True, eq=False)
class Run:
    """States [L, D], a head [V, D], and the positions and ids of cells and words in them."""

    case: Case
    hidden: torch.Tensor
    head: torch.Tensor
    vision: torch.Tensor
    context: torch.Tensor
    ids: torch.Tensor

    @cached_property
    def arguments(self) -> tuple[Any, ...]:
        """The engine's arguments after states and head; indices are on the CPU as in a real run."""
        places = (self.vision.cpu(), self.context.cpu(), self.ids.cpu())
        return (*places, [self.case.grid], self.case.prompt_targets)


def random_run(case: Case, vocabulary: int, device: torch.device) -> Run:
    """Draw a random run from a fixed seed."""
    generator = torch.Generator(device).manual_seed(0)
    dtype = getattr(torch, case.dtype)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, device=device, dtype=dtype)

    length = case.cells + _TEMPLATE + case.targets
    ids = torch.randint(0, vocabulary, (case.targets,), generator=generator, device=device)
    return Run(
        case,
        drawn(length, case.width),
        drawn(vocabulary, case.width),
        torch.arange(case.cells, device=device),
        torch.arange(case.targets, device=device) + case.cells + _TEMPLATE,
        ids,
    )


FILTERED = Case(cells=100_000, targets=512)
"""Maps that are too large for any GPU's cache."""


def sweeps(main: Case) -> dict[str, list[Case]]:
    """Return runs that vary one in N, in K, in D and in dtype."""
    return {
        "N": [replace(main, cells=n) for n in (256, 1024, 4096, 16384, 100_000)],
        "K": [replace(main, targets=k) for k in (8, 32, 128, 512, 2000)],
        "D": [replace(main, width=d) for d in (512, 1536, 4096, 8192)],
        "dtype": [replace(main, dtype=t) for t in ("float32", "float16", "bfloat16")],
    }


def large(main: Case) -> Case:
    """Return the sizes of a long video with a long answer."""
    return replace(main, cells=10_000, targets=512)
