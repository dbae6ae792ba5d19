"""The kernels compared with the definitions, on a GPU or, without one, in the interpreter.

Output memory is filled with NaN first, so that elements which a kernel fails to write are noticed.
"""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tam.engine.maps import token_activation_maps
from tam.engine.ops.dispatch import select
from tam.errors import NumericsError
from tests.conftest import GOLDENS

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
TOLERANCE = 2e-6


@pytest.fixture(autouse=True, scope="module")
def poisoned() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    assert torch.empty(4).isnan().all(), "fresh memory holds NaN"
    # The interpreter computes with NumPy, which emits warnings that a GPU does not.
    with np.errstate(all="ignore"):
        yield
    torch.use_deterministic_algorithms(False)


def on_device(*arrays: np.ndarray) -> list[torch.Tensor]:
    return [
        torch.from_numpy(a.astype(np.float32) if a.dtype == np.float64 else a).to(DEVICE)
        for a in map(np.asarray, arrays)
    ]


def assert_close(
    found: torch.Tensor,
    wanted: np.ndarray,
    tolerance: float = TOLERANCE,
    scale: float | None = None,
) -> None:
    """Compare relative to a scale, by default the largest expected value."""
    assert found.dtype == torch.float32
    assert found.shape == wanted.shape
    if scale is None:
        scale = max(1e-30, float(np.abs(wanted).max())) if wanted.size else 1.0
    assert np.allclose(found.cpu().numpy() / scale, wanted / scale, atol=tolerance, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize(
    ("length", "cells", "width", "vocabulary", "targets"),
    [(90, 70, 100, 300, 5), (7, 1, 33, 4, 70), (140, 129, 64, 65, 65), (20, 20, 1, 3, 1)],
)
def test_projection(
    dtype: torch.dtype, length: int, cells: int, width: int, vocabulary: int, targets: int
) -> None:
    rng = np.random.default_rng(length)
    states = torch.from_numpy(rng.normal(size=(length, width))).to(dtype)
    head = torch.from_numpy(rng.normal(size=(vocabulary, width))).to(dtype)
    positions = rng.integers(0, length, cells)
    ids = rng.integers(0, vocabulary, targets)
    exact = (states.double().numpy(), positions, head.double().numpy(), ids)
    found = select("projection", "triton")(
        states.to(DEVICE), torch.from_numpy(positions), head.to(DEVICE), torch.from_numpy(ids)
    )
    assert_close(found, select("projection", "naive")(*exact))


def test_projection_of_unlike_types_and_layouts() -> None:
    rng = np.random.default_rng(0)
    states = torch.from_numpy(rng.normal(size=(24, 30))).to(torch.bfloat16).T
    head = torch.from_numpy(rng.normal(size=(10, 24)))[::2].float()
    index = (np.arange(30), np.arange(5))
    wanted = select("projection", "naive")(
        states.double().numpy(), index[0], head.double().numpy(), index[1]
    )
    positions, ids = map(torch.from_numpy, index)
    found = select("projection", "triton")(states.to(DEVICE), positions, head.to(DEVICE), ids)
    assert_close(found, wanted)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_projection_tells_of_products_that_are_not_finite(bad: float) -> None:
    states, head = np.ones((3, 4)), np.array([[1.0] * 4, [-1.0] * 4])
    states[1, 2] = bad
    arrays = on_device(states, np.arange(3), head, np.arange(2))
    found = select("projection", "triton")(*arrays).cpu().numpy()
    assert np.isnan(found[:, 1]).all()
    assert np.array_equal(found[:, [0, 2]], [[4, 4], [0, 0]])


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    cells=st.sampled_from([1, 63, 65, 130]),
    words=st.sampled_from([0, 1, 31, 70]),
    targets=st.sampled_from([1, 5, 65]),
    quiet=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_causal_residual(seed: int, cells: int, words: int, targets: int, quiet: float) -> None:
    rng = np.random.default_rng(seed)
    arrays = (
        rng.random((words, cells)) * (rng.random((words, 1)) >= quiet),
        rng.random((targets, cells)),
        np.maximum(rng.normal(size=(targets, words)), 0),
        rng.integers(0, 9, words),
        rng.integers(0, 9, targets),
        rng.integers(0, words + 1, targets),
    )
    # The definition gets the same inputs as the kernel: numbers rounded to float32.
    exact = [a.astype(np.float32).astype(float) if a.dtype == float else a for a in arrays]
    wanted = select("causal_residual", "naive")(*exact)
    found = select("causal_residual", "triton")(*on_device(*arrays))
    # The difference may vanish up to rounding errors, which are relative to the minuend.
    scale = float(arrays[1].max())
    assert_close(found[0], wanted[0], scale=scale)
    assert_close(found[1].amin(1, keepdim=True), wanted[1], scale=scale)
    assert_close(found[2].amax(1, keepdim=True), wanted[2], scale=scale)


def test_causal_residual_with_a_cap() -> None:
    rng = np.random.default_rng(3)
    maps, text = np.float32(rng.random((5, 70))).astype(float), np.float32(rng.random((5, 5)))
    order = np.arange(5)
    given = (maps, maps, text.astype(float), order, order, order)
    wanted = select("causal_residual", "naive")(*given, 0.25)
    found = select("causal_residual", "triton")(*on_device(*given), 0.25)
    assert_close(found[0], wanted[0])


def test_causal_residual_of_transposed_scores() -> None:
    rng = np.random.default_rng(0)
    context, text = rng.random((40, 6)), rng.random((6, 6))
    index = np.arange(6)
    wanted = select("causal_residual", "naive")(context.T, context.T, text.T, index, index, index)
    maps, scores, order = on_device(context, text, index)
    found = select("causal_residual", "triton")(maps.T, maps.T, scores.T, order, order, order)
    assert_close(found[0], wanted[0])


@pytest.mark.parametrize(("targets", "words", "parts"), [(1, 0, 1), (3, 1, 5), (7, 600, 2)])
def test_joint_scaling(targets: int, words: int, parts: int) -> None:
    rng = np.random.default_rng(words)
    low = np.float32(rng.random((targets, parts))).astype(float)
    high = np.float32(low + rng.random((targets, parts))).astype(float)
    text = np.float32(rng.random((targets, words)) * 3).astype(float)
    low[0], high[0], text[0] = low[0, 0], low[0, 0], low[0, 0]
    stop = rng.integers(0, words + 1, targets)
    wanted = select("joint_scaling", "naive")(low, high, text, stop)
    found = select("joint_scaling", "triton")(*on_device(low, high, text, stop))
    for value, right in zip(found, wanted, strict=True):
        assert_close(value, right)


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    grids=st.lists(st.tuples(st.integers(1, 7), st.integers(1, 23)), min_size=1, max_size=3),
    turned=st.booleans(),
    kernel_size=st.sampled_from([1, 3, 5]),
    levels=st.sampled_from([1, 2, 4, 1000]),
    scaled=st.booleans(),
)
def test_rank_filter(
    seed: int, grids: list, turned: bool, kernel_size: int, levels: int, scaled: bool
) -> None:
    # Few levels produce ties and constant windows.
    grids = [(w, h) for h, w in grids] if turned else grids
    rng = np.random.default_rng(seed)
    maps = rng.integers(0, levels, (3, sum(h * w for h, w in grids))) / levels
    maps = np.float32(maps).astype(float)
    scale = (np.float32([0, 0.25, 0.5]).astype(float), np.array([1.0, 2, 4])) if scaled else ()
    maps += scale[0][:, None] if scaled else 0
    wanted = select("rank_filter", "naive")(maps, grids, kernel_size, *scale)
    [found, *rest] = on_device(maps, *scale)
    filtered = select("rank_filter", "triton")(found, grids, kernel_size, *rest)
    assert_close(filtered, wanted)
    out = torch.full((3, maps.shape[1] + 2), torch.nan, device=DEVICE)
    scale_or_none = rest or (None, None)
    select("rank_filter", "triton")(found, grids, kernel_size, *scale_or_none, out[:, 1:-1])
    assert torch.equal(out[:, 1:-1], filtered)
    assert out[:, [0, -1]].isnan().all()


def test_larger_windows_than_the_kernel_takes() -> None:
    grids = [(5, 4), (1, 3), (2, 1)]
    maps = np.float32(np.random.default_rng(0).integers(0, 5, (2, 25)) / 4).astype(float)
    wanted = select("rank_filter", "naive")(maps, grids, 7)
    assert_close(select("rank_filter", "triton")(*on_device(maps), grids, 7), wanted)


def test_extreme_windows() -> None:
    tiny = np.full((6, 25), 1e-30)
    maps = np.stack(
        [np.zeros(25), np.full(25, 0.3), -np.ones(25), tiny[0], np.eye(5).ravel(), np.arange(25.0)]
    )
    maps[3, 12] = 1e-25
    maps = np.float32(maps).astype(float)
    wanted = select("rank_filter", "naive")(maps, [(5, 5)], 3)
    found = select("rank_filter", "triton")(*on_device(maps), [(5, 5)], 3)
    assert_close(found, wanted)
    assert np.array_equal(found[0].cpu(), np.zeros(25))
    assert np.array_equal(found[1].cpu(), np.full(25, np.float32(0.3)))
    assert np.array_equal(found[2].cpu(), np.zeros(25))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kernel_size", [3, 5])
def test_the_whole_engine(dtype: torch.dtype, kernel_size: int) -> None:
    rng = np.random.default_rng(0)
    hidden = torch.from_numpy(rng.normal(size=(140, 32))).to(DEVICE, dtype)
    rows = torch.from_numpy(rng.normal(size=(4, 32))).to(DEVICE, dtype)
    run = (range(1, 131), range(136, 140), rng.integers(0, 2, 4), [(9, 10), (1, 40)], 2)
    found = token_activation_maps(hidden, rows, *run, kernel_size, stages=True, backend="triton")
    exact = token_activation_maps(
        hidden.cpu().float(), rows.cpu().float(), *run, kernel_size, stages=True
    )
    for name in ("maps", "text_scores", "relevance", "activation", "after_eci"):
        assert_close(getattr(found, name), getattr(exact, name).numpy(), 5e-6)
    again = token_activation_maps(hidden, rows, *run, kernel_size, backend="triton")
    assert torch.equal(again.maps, found.maps), "maps in the place of the scores are the same maps"


def test_a_published_run_is_reproduced() -> None:
    with np.load(GOLDENS / "image_16x16.npz") as golden:
        hidden, head = (torch.from_numpy(golden[name]).to(DEVICE) for name in ("hidden", "head"))
        found = token_activation_maps(
            hidden,
            head,
            golden["vision_positions"],
            golden["context_positions"],
            golden["context_token_ids"],
            [(int(h), int(w)) for h, w in golden["grids"]],
            int(golden["prompt_length"]),
            class_ids=golden["class_ids"],
            stages=True,
            backend="triton",
        )
        assert_close(found.after_eci, golden["after_eci"])
        levels = np.floor(255 * found.maps.cpu().numpy()) - golden["map_uint8"].astype(float)
        assert np.abs(levels).max() <= 1
        assert (levels != 0).mean() < 1e-3, "float32 may round a level that lies on an edge"


def test_bad_states_are_refused_by_the_kernels_too() -> None:
    hidden = torch.zeros(8, 4, device=DEVICE)
    hidden[2, 1] = torch.inf
    rows = torch.ones(1, 4, device=DEVICE)
    with pytest.raises(NumericsError, match="vision states hold NaN"):
        token_activation_maps(hidden, rows, range(4), [5], [1], [(2, 2)], 0, backend="triton")
