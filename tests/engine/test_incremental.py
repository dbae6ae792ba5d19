"""Maps that are computed incrementally equal the maps of the whole run."""

import math

import numpy as np
import pytest
import torch

from tam.engine.incremental import IncrementalMaps
from tam.engine.maps import token_activation_maps
from tam.errors import NumericsError

GRIDS = [(5, 6), (3, 4)]
CELLS, WIDTH, PROMPT = 42, 16, 5


def run(targets: int, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
    """Return hidden states [N + K, D], a head [V, D] and the targets' ids [K]."""
    generator = torch.Generator().manual_seed(targets)
    hidden = torch.randn(CELLS + targets, WIDTH, generator=generator).to(dtype)
    head = torch.randn(9, WIDTH, generator=generator).to(dtype)
    return hidden, head, np.random.default_rng(0).integers(0, 9, targets)


def begun(hidden: torch.Tensor, head: torch.Tensor, cap: float = math.inf) -> IncrementalMaps:
    def score(ids: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        return states.float() @ head[ids].float().T

    return IncrementalMaps(score, hidden[:CELLS], GRIDS, PROMPT, eci_cap=cap)


def extended(
    hidden: torch.Tensor, head: torch.Tensor, ids: np.ndarray, step: int
) -> IncrementalMaps:
    found, states = begun(hidden, head), hidden[CELLS:]
    found.extend(states[:PROMPT], ids[:PROMPT].tolist())
    for first in range(PROMPT, len(ids), step):
        part = slice(first, first + step)
        found.extend(states[part], ids[part].tolist())
    return found


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("targets", "step"), [(PROMPT, 1), (30, 1), (30, 4), (140, 1)])
def test_the_maps_are_those_of_the_whole_run(targets: int, step: int, dtype: torch.dtype) -> None:
    hidden, head, ids = run(targets, dtype)
    places = (range(CELLS), range(CELLS, CELLS + targets))
    whole = token_activation_maps(hidden, head[ids], *places, ids, GRIDS, PROMPT)
    found = extended(hidden, head, ids, step)
    assert found.count == targets
    maps = found.maps(targets)
    assert np.array_equal(np.floor(255 * maps), np.floor(255 * whole.maps.numpy()))
    assert np.allclose(maps, whole.maps, atol=1e-6)
    assert np.allclose(found.text_scores(targets), whole.text_scores, rtol=1e-5, atol=1e-5)
    assert np.allclose(found.relevance(targets), whole.relevance, atol=1e-6)


def test_the_cap_is_that_of_the_whole_run() -> None:
    hidden, head, ids = run(12, torch.float32)
    places = (range(CELLS), range(CELLS, CELLS + 12))
    whole = token_activation_maps(hidden, head[ids], *places, ids, GRIDS, PROMPT, eci_cap=0.1)
    found = begun(hidden, head, 0.1)
    found.extend(hidden[CELLS:], ids.tolist())
    assert np.allclose(found.maps(12), whole.maps, atol=1e-6)


def test_what_was_given_out_stays_as_it_was() -> None:
    hidden, head, ids = run(140, torch.float32)
    found, states = begun(hidden, head), hidden[CELLS:]
    found.extend(states[:PROMPT], ids[:PROMPT].tolist())
    given = found.maps(PROMPT), found.relevance(PROMPT)
    before = [array.copy() for array in given]
    for target in range(PROMPT, 140):
        found.extend(states[target : target + 1], [int(ids[target])])
    assert all(np.array_equal(now, then) for now, then in zip(given, before, strict=True))
    assert np.array_equal(found.maps(140)[:PROMPT], before[0])
    with pytest.raises(ValueError, match="read-only"):
        given[0][0, 0] = 1


def test_a_state_that_is_not_finite_is_refused() -> None:
    hidden, head, ids = run(PROMPT, torch.float32)
    hidden[3, 2] = torch.nan
    with pytest.raises(NumericsError, match="NaN or infinity"):
        begun(hidden, head).extend(hidden[CELLS:], ids.tolist())
