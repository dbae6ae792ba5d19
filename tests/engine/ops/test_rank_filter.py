import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import generic_filter

from tam.engine.ops.dispatch import select
from tam.engine.ops.rank_filter.naive import rank_mean
from tam.engine.ops.rank_filter.network import RANK_THREE_SORTED, THREE, sorting_network


def torch_filter(maps: np.ndarray, grids: list, kernel_size: int) -> np.ndarray:
    return select("rank_filter")(torch.from_numpy(maps), grids, kernel_size).numpy()


@pytest.mark.parametrize("shape", [(6, 9), (1, 8), (8, 1), (2, 2), (1, 1)])
@pytest.mark.parametrize("kernel_size", [1, 3, 5])
def test_definition_equals_scipy_with_mirrored_borders(shape: tuple, kernel_size: int) -> None:
    grid = np.random.default_rng(0).random(shape)
    found = select("rank_filter", "naive")(grid.reshape(1, -1), [shape], kernel_size)
    wanted = generic_filter(grid, rank_mean, size=kernel_size, mode="mirror")
    assert np.allclose(found.reshape(shape), wanted, atol=1e-14)


def test_hand_computed_window() -> None:
    # Eight zeros and a nine: μ = 1, population std √8; the middle rank has weight 1.
    window = np.array([0.0] * 8 + [9.0])
    ranks = np.arange(-4, 5)
    weights = np.exp(-(ranks**2) / (2 * 8))
    assert rank_mean(window) == pytest.approx(9 * weights[-1] / weights.sum())


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    grids=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=4),
    kernel_size=st.sampled_from([1, 3, 5, 7]),
    levels=st.sampled_from([1, 2, 4, 1000]),
)
def test_torch_equals_the_definition(seed: int, grids: list, kernel_size: int, levels: int) -> None:
    # Few levels produce ties and constant windows.
    cells = sum(h * w for h, w in grids)
    maps = np.random.default_rng(seed).integers(0, levels, (3, cells)) / levels
    wanted = select("rank_filter", "naive")(maps, grids, kernel_size)
    assert np.allclose(torch_filter(maps, grids, kernel_size), wanted, atol=1e-9)


def test_constant_window_is_its_value_and_zero_stays_zero() -> None:
    maps = np.stack([np.full(25, 0.3), np.zeros(25)])
    found = torch_filter(maps, [(5, 5)], 3)
    assert np.allclose(found[0], 0.3, atol=1e-15)
    assert not found[1].any()


def test_nearly_constant_window_is_finite() -> None:
    maps = 0.5 + np.random.default_rng(0).random((1, 25)) * 1e-15
    found = torch_filter(maps, [(5, 5)], 3)
    assert np.allclose(found, 0.5)


def test_neighbouring_grids_do_not_mix() -> None:
    maps = np.concatenate([np.zeros((1, 9)), np.ones((1, 9))], axis=1)
    assert np.array_equal(torch_filter(maps, [(3, 3), (3, 3)], 3), maps)


def test_inputs_are_left_alone() -> None:
    maps = np.random.default_rng(0).random((2, 12))
    before = maps.copy()
    torch_filter(maps, [(3, 4)], 3)
    assert np.array_equal(maps, before)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), levels=st.sampled_from([1, 3, 1000]))
def test_scaling_first_is_the_same_as_scaling_on_the_way(seed: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    maps = 3.0 + rng.integers(0, levels, (3, 40)) / levels
    origin, span = maps.min(1), np.maximum(maps.max(1) - maps.min(1), 0.5)
    wanted = torch_filter((maps - origin[:, None]) / span[:, None], [(4, 5), (5, 4)], 3)
    scale = (torch.from_numpy(origin), torch.from_numpy(span))
    found = select("rank_filter")(torch.from_numpy(maps), [(4, 5), (5, 4)], 3, *scale)
    defined = select("rank_filter", "naive")(maps, [(4, 5), (5, 4)], 3, origin, span)
    assert np.array_equal(found, wanted)
    assert np.allclose(found, defined, atol=1e-12)
    assert 0 <= float(found.min()) <= float(found.max()) <= 1


def test_long_rows_of_blocks_go_over_threads_with_the_same_result() -> None:
    maps = np.random.default_rng(0).random((60, 128 * 96))
    at_once = torch_filter(maps, [(128, 96)], 3)
    torch.set_num_threads(2)
    try:
        with torch.inference_mode():
            spread = torch_filter(maps, [(128, 96)], 3)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
    assert np.array_equal(spread, at_once)


def sorts(pairs: tuple, cases: np.ndarray) -> bool:
    values = cases.T.copy()
    for a, b in pairs:
        values[a], values[b] = np.minimum(values[a], values[b]), np.maximum(values[a], values[b])
    return np.array_equal(values, np.sort(cases.T, axis=0))


def zeros_and_ones(count: int) -> np.ndarray:
    """By the 0-1 principle, a network that sorts all of these sorts any values."""
    return (np.arange(2**count)[:, None] >> np.arange(count)) & 1


@pytest.mark.parametrize("count", [1, 2, 3, 9, 25, 49])
def test_sorting_network_sorts(count: int) -> None:
    rng = np.random.default_rng(0)
    cases = zeros_and_ones(count) if count <= 9 else rng.integers(0, 2, (5000, count))
    assert sorts(sorting_network(count), cases)


def test_the_network_for_nine_values_sorts_also_from_sorted_triples() -> None:
    cases = zeros_and_ones(9)
    triples = tuple((3 * a + j, 3 * b + j) for a, b in THREE for j in range(3))
    assert len(triples + RANK_THREE_SORTED) == 25
    assert sorts(triples + RANK_THREE_SORTED, cases)
    ranked = np.sort(cases.reshape(-1, 3, 3), axis=1).reshape(-1, 9)
    assert sorts(RANK_THREE_SORTED, ranked)
    assert not sorts(RANK_THREE_SORTED, cases)


def test_what_a_thread_keeps_changes_no_later_result() -> None:
    rng = np.random.default_rng(0)
    asked = [(20, [(24, 32)], 3), (2, [(24, 32)], 3), (20, [(5, 6)], 5), (20, [(24, 32)], 3)]
    for inferring in (True, False, True):
        for count, grids, kernel_size in asked:
            maps = rng.random((count, sum(h * w for h, w in grids)))
            with torch.inference_mode(inferring):
                found = select("rank_filter")(torch.from_numpy(maps), grids, kernel_size)
            again = found.clone()
            torch_filter(rng.random(maps.shape), grids, kernel_size)
            assert torch.equal(found, again)
            wanted = select("rank_filter", "naive")(maps[:2], grids, kernel_size)
            assert np.allclose(found[:2], wanted, atol=1e-12)


@pytest.mark.parametrize("kernel_size", [3, 5])
def test_maps_filtered_in_float32_have_the_grey_levels_of_float64(kernel_size: int) -> None:
    rng = np.random.default_rng(0)
    maps = rng.random((40, 12 * 30))
    # Constant maps whose values are grey levels, up to the last, and their neighbors.
    maps[:6] = (np.array([0, 1, 100, 254, 255, 255]) / 255)[:, None]
    maps[5, ::7] = 1 - 1e-9
    origin, span = torch.zeros(40, dtype=torch.float64), torch.ones(40, dtype=torch.float64)
    values, grids = torch.from_numpy(maps), [(12, 10), (4, 60)]
    rank_filter = select("rank_filter", "torch")
    exact = rank_filter(values, grids, kernel_size, origin, span).float()
    found = rank_filter(values, grids, kernel_size, origin, span, torch.empty(40, 360))
    assert torch.equal((255 * found).floor(), (255 * exact).floor())
    assert (found - exact).abs().max() < 1e-6
