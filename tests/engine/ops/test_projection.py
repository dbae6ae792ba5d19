import numpy as np
import pytest
import torch

from tam.engine.ops.dispatch import select


def test_hand_computed() -> None:
    states = np.array([[9.0, 9.0], [1.0, 2.0], [-1.0, 0.0]])
    head = np.array([[0.0, -1.0], [9.0, 9.0], [3.0, 1.0]])
    found = select("projection", "naive")(states, [1, 2], head, [2, 0])
    assert np.array_equal(found, [[5, 0], [0, 0]])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("count", [20, 700])
@pytest.mark.parametrize("consecutive", [False, True])
def test_torch_equals_the_definition(dtype: torch.dtype, count: int, consecutive: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(count, 64, generator=generator).to(dtype)
    head = torch.randn(9, 64, generator=generator).to(dtype)
    places = torch.arange(count) if consecutive else torch.randperm(count, generator=generator)
    positions, ids = places[3:], torch.tensor([8, 0])
    exact = (states.double().numpy(), positions.numpy(), head.double().numpy(), ids.numpy())
    found = select("projection")(states, positions, head, ids)
    assert found.dtype == torch.float32
    assert np.allclose(found, select("projection", "naive")(*exact), atol=1e-4)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("backend", ["naive", "torch"])
def test_a_product_that_is_not_finite_is_told_by_its_score(bad: float, backend: str) -> None:
    states, head = np.ones((3, 4)), np.array([[1.0] * 4, [-1.0] * 4])
    states[1, 2] = bad
    arrays = (states, np.arange(3), head, np.arange(2))
    if backend == "torch":
        arrays = tuple(torch.from_numpy(array) for array in arrays)
    found = np.asarray(select("projection", backend)(*arrays))
    assert np.isnan(found[:, 1]).all()
    assert np.array_equal(found[:, [0, 2]], [[4, 4], [0, 0]])
