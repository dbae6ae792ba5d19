"""Fixtures that several tests of the scenes share."""

import pytest
import torch

from tam.scenes.training import curriculum, network


@pytest.fixture
def tiny(monkeypatch):
    """Return settings for a few steps; all phases get a curriculum of the same two small stages.

    They train two layers of each kind, and compute in float32, because bfloat16 is several times
    slower on CPUs without native bfloat16; the command line's test trains in bfloat16, the default.
    """
    monkeypatch.setattr(network, "TEXT_LAYERS", 2)
    monkeypatch.setattr(network, "VISION_LAYERS", 2)
    stages = (
        curriculum.Stage(6, 0.0, ((6, 6),), (1, 1), 4, 2),
        curriculum.Stage(0, 1.0, ((7, 6),), (1, 2), 4, 3),
    )
    for phase in curriculum.CURRICULA:
        monkeypatch.setitem(curriculum.CURRICULA, phase, stages)
    return curriculum.Settings(steps=10, decay=4, warmup=2, rate=2e-3, breadth=1, bfloat16=False)


@pytest.fixture(autouse=True)
def muon_in_float32(monkeypatch):
    """Run Muon without its cast to bfloat16, which is ten times slower on CPUs without bfloat16."""
    monkeypatch.setattr(
        torch.Tensor, "bfloat16", lambda tensor: tensor.to(torch.float32, copy=True)
    )
