"""Maps that come one after another are the maps of the whole run."""

import numpy as np
import pytest
import torch

from tam.engine.incremental import GrowingMaps
from tam.engine.maps import token_activation_maps
from tam.errors import NumericsError

GRIDS = [(5, 6), (3, 4)]
CELLS, WIDTH, PROMPT = 42, 16, 5


def run(targets: int, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
    generator = torch.Generator().manual_seed(targets)
    hidden = torch.randn(CELLS + targets, WIDTH, generator=generator).to(dtype)
    rows = torch.randn(targets, WIDTH, generator=generator).to(dtype)
    return hidden, rows, np.random.default_rng(0).integers(0, 9, targets)


def grown(hidden: torch.Tensor, rows: torch.Tensor, ids: np.ndarray, step: int) -> GrowingMaps:
    growing = GrowingMaps(hidden[:CELLS], GRIDS, PROMPT)
    states = hidden[CELLS:]
    growing.extend(states[:PROMPT], rows[:PROMPT], ids[:PROMPT].tolist())
    for first in range(PROMPT, len(ids), step):
        part = slice(first, first + step)
        growing.extend(states[part], rows[part], ids[part].tolist())
    return growing


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("targets", "step"), [(PROMPT, 1), (30, 1), (30, 4), (140, 1)])
def test_the_maps_are_those_of_the_whole_run(targets: int, step: int, dtype: torch.dtype) -> None:
    hidden, rows, ids = run(targets, dtype)
    places = (range(CELLS), range(CELLS, CELLS + targets))
    whole = token_activation_maps(hidden, rows, *places, ids, GRIDS, PROMPT)
    growing = grown(hidden, rows, ids, step)
    assert growing.count == targets
    maps = growing.maps(targets)
    assert np.array_equal(np.floor(255 * maps), np.floor(255 * whole.maps.numpy()))
    assert np.allclose(maps, whole.maps, atol=1e-6)
    assert np.allclose(growing.text_scores(targets), whole.text_scores, rtol=1e-5, atol=1e-5)
    assert np.allclose(growing.relevance(targets), whole.relevance, atol=1e-6)


def test_what_was_given_out_stays_as_it_was() -> None:
    hidden, rows, ids = run(140, torch.float32)
    growing = GrowingMaps(hidden[:CELLS], GRIDS, PROMPT)
    states = hidden[CELLS:]
    growing.extend(states[:PROMPT], rows[:PROMPT], ids[:PROMPT].tolist())
    given = growing.maps(PROMPT), growing.relevance(PROMPT)
    before = [array.copy() for array in given]
    for target in range(PROMPT, 140):
        growing.extend(states[target : target + 1], rows[target : target + 1], [int(ids[target])])
    assert all(np.array_equal(now, then) for now, then in zip(given, before, strict=True))
    assert np.array_equal(growing.maps(140)[:PROMPT], before[0])
    with pytest.raises(ValueError, match="read-only"):
        given[0][0, 0] = 1


def test_a_state_that_is_not_finite_is_refused() -> None:
    hidden, rows, ids = run(PROMPT, torch.float32)
    hidden[3, 2] = torch.nan
    growing = GrowingMaps(hidden[:CELLS], GRIDS, PROMPT)
    with pytest.raises(NumericsError, match="NaN or infinity"):
        growing.extend(hidden[CELLS:], rows, ids.tolist())
