import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar

from tam.engine.ops.dispatch import select


def scores(seed: int, cells: int, words: int, targets: int) -> tuple:
    rng = np.random.default_rng(seed)
    return (
        np.maximum(rng.normal(size=(words, cells)), 0),
        np.maximum(rng.normal(size=(targets, cells)), 0),
        np.maximum(rng.normal(size=(targets, words)), 0),
        rng.integers(0, 5, words),
        rng.integers(0, 5, targets),
        rng.integers(0, words + 1, targets),
    )


def test_scale_is_the_least_squares_solution() -> None:
    context, target, text, ids, _, _ = scores(1, 40, 6, 1)
    residual, low, high = select("causal_residual", "naive")(context, target, text, ids, [99], [6])
    interference = (text[0] / text[0].sum()) @ context
    best = minimize_scalar(lambda s: np.sum((target[0] - s * interference) ** 2), tol=1e-12).x
    assert np.allclose(residual[0], np.maximum(target[0] - best * interference, 0), atol=1e-6)
    assert (low[0, 0], high[0, 0]) == (residual.min(), residual.max())


@pytest.mark.parametrize("seed", range(5))
def test_torch_equals_the_definition(seed: int) -> None:
    arrays = scores(seed, 30, 7, 9)
    wanted = select("causal_residual", "naive")(*arrays)
    found = select("causal_residual")(*(torch.from_numpy(np.asarray(a)) for a in arrays))
    for value, right in zip(found, wanted, strict=True):
        assert np.allclose(value, right, atol=1e-12)


@pytest.mark.parametrize("backend", ["naive", "torch"])
def test_the_cap_limits_the_scale(backend: str) -> None:
    # The interference is [1, 1]; the least squares' scale of [3, 1] on it is 2.
    given = ([[1.0, 1.0]], [[3.0, 1.0]], [[1.0]], [7], [8], [1])
    arrays = [np.array(value) for value in given]
    if backend == "torch":
        arrays = [torch.from_numpy(value) for value in arrays]
    for cap, wanted in [(np.inf, [1, 0]), (2.5, [1, 0]), (0.5, [2.5, 0.5]), (0.0, [3, 1])]:
        found, _, _ = select("causal_residual", backend)(*arrays, cap)
        assert np.allclose(found, [wanted], atol=1e-7)


def test_without_interference_the_map_stays() -> None:
    context, target, text, ids, own, stop = scores(0, 10, 3, 2)
    found, _, _ = select("causal_residual", "naive")(context * 0, target, text, ids, own, stop)
    assert np.array_equal(found, target)
