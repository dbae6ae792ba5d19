"""What several tests of the scenes share."""

import pytest
import torch

from tam.scenes.training import curriculum


@pytest.fixture
def tiny(monkeypatch):
    """Settings of a few steps; every phase has a curriculum of the same two narrow stages.

    They compute in float32, because bfloat16 is several times slower on CPUs without such
    arithmetic; the command line's test trains in bfloat16, the default.
    """
    stages = (
        curriculum.Stage(6, 0.0, ((6, 6),), (1, 1), 4, 2),
        curriculum.Stage(0, 1.0, ((7, 6),), (1, 2), 4, 3),
    )
    for phase in curriculum.CURRICULA:
        monkeypatch.setitem(curriculum.CURRICULA, phase, stages)
    return curriculum.Settings(steps=10, decay=4, warmup=2, rate=2e-3, breadth=1, bfloat16=False)


@pytest.fixture(autouse=True)
def muon_in_float32(monkeypatch):
    """Muon without its cast to bfloat16, ten times slower on CPUs that lack such arithmetic."""
    monkeypatch.setattr(
        torch.Tensor, "bfloat16", lambda tensor: tensor.to(torch.float32, copy=True)
    )
