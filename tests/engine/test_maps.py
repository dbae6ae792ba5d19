"""The engine compared with runs of the published code and with its definition, and edge cases."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tam.engine import maps as engine
from tam.engine.maps import TokenActivationMaps, maps_from_scores, token_activation_maps
from tam.engine.ops.dispatch import select
from tam.errors import NumericsError
from tests.conftest import GOLDENS

CASES = sorted(GOLDENS.glob("*.npz"), key=lambda path: path.name)


def arguments(golden: dict[str, np.ndarray]) -> tuple[object, ...]:
    return (
        golden["hidden"],
        golden["head"][golden["class_ids"]],
        golden["vision_positions"],
        golden["context_positions"],
        golden["context_token_ids"],
        [(int(h), int(w)) for h, w in golden["grids"]],
        int(golden["prompt_length"]),
    )


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
@pytest.mark.parametrize("convert", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
def test_published_runs_are_reproduced_exactly(case: Path, convert: object) -> None:
    with np.load(case) as golden:
        hidden, rows, *rest = arguments(golden)
        result = token_activation_maps(convert(hidden), convert(rows), *rest, kernel_size=3)
        maps = np.asarray(result.maps)
        assert maps.dtype == np.float32
        assert np.array_equal(np.floor(255 * maps), golden["map_uint8"])
        wanted = golden["after_eci"]
        assert np.abs(np.asarray(result.after_eci) - wanted).max() <= 1e-6 * wanted.max()
        assert np.allclose(result.activation, golden["activation"], rtol=1e-5, atol=1e-5)
        stops = np.maximum(np.arange(len(maps)), int(golden["prompt_length"]))
        for t, stop in enumerate(stops):
            row = np.asarray(result.text_scores[t])
            assert np.allclose(row[:stop], golden["context_scores"][t, :stop], rtol=1e-5)
            assert not row[stop:].any()


def test_what_a_file_holds_is_taken_as_it_is() -> None:
    """Inputs as arrays where sequences or numbers are documented; golden cases pass these."""
    with np.load(GOLDENS / "two_images.npz") as golden:
        hidden, rows, *rest, _, _ = arguments(golden)
        result = token_activation_maps(
            hidden, rows, *rest, golden["grids"], golden["prompt_length"], kernel_size=3
        )
        assert np.array_equal(np.floor(255 * result.maps), golden["map_uint8"])


def test_goldens_are_there() -> None:
    assert len(CASES) == 5


def random_run(seed: int, grids: list[tuple[int, int]], targets: int = 6, width: int = 8) -> dict:
    rng = np.random.default_rng(seed)
    cells = sum(h * w for h, w in grids)
    return {
        "hidden": rng.normal(size=(cells + targets + 3, width)).astype(np.float32),
        "head_rows": rng.normal(size=(targets, width)).astype(np.float32),
        "vision_positions": np.arange(1, cells + 1),
        "context_positions": np.arange(cells + 2, cells + 2 + targets),
        "context_ids": rng.integers(0, 4, targets),
        "grids": grids,
        "prompt_targets": 2,
    }


def naive_maps(run: dict, kernel_size: int) -> np.ndarray:
    """Run the whole method with the definitions of its ops."""
    ids, targets = run["context_ids"], np.arange(len(run["head_rows"]))
    activation, text = (
        select("projection", "naive")(run["hidden"], run[positions], run["head_rows"], targets)
        for positions in ("vision_positions", "context_positions")
    )
    residual, low, high = select("causal_residual", "naive")(
        activation, activation, text, ids, ids, targets
    )
    stops = np.maximum(targets, run["prompt_targets"])
    origin, span, *_ = select("joint_scaling", "naive")(low, high, text, stops)
    return select("rank_filter", "naive")(residual, run["grids"], kernel_size, origin, span)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    grids=st.lists(st.tuples(st.integers(1, 7), st.integers(1, 7)), min_size=1, max_size=3),
    kernel_size=st.sampled_from([1, 3, 5, 7]),
)
def test_engine_equals_its_definition(seed: int, grids: list, kernel_size: int) -> None:
    run = random_run(seed, grids)
    result = token_activation_maps(**run, kernel_size=kernel_size)
    assert np.allclose(result.maps, naive_maps(run, kernel_size), atol=2e-6)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    grids=st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=2, max_size=4),
    data=st.data(),
)
def test_permuting_images_permutes_maps(seed: int, grids: list, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(grids))))
    run = random_run(seed, grids)
    ends = np.cumsum([0, *(h * w for h, w in grids)])
    cells = [np.arange(first, last) for first, last in pairwise(ends)]
    moved = np.concatenate([cells[i] for i in order])
    permuted = run | {
        "vision_positions": run["vision_positions"][moved],
        "grids": [grids[i] for i in order],
    }
    straight = token_activation_maps(**run).maps
    assert np.allclose(token_activation_maps(**permuted).maps, straight[:, moved], atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), exponent=st.integers(-12, 12))
def test_scaling_the_states_changes_no_map(seed: int, exponent: int) -> None:
    run = random_run(seed, [(5, 4)])
    scaled = run | {"hidden": run["hidden"] * np.float32(2.0**exponent)}
    plain = token_activation_maps(**run).maps
    assert np.allclose(token_activation_maps(**scaled).maps, plain, atol=1e-4)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_target_without_context_is_only_scaled_and_filtered(seed: int) -> None:
    run = random_run(seed, [(6, 5)], targets=1) | {"prompt_targets": 0}
    result = token_activation_maps(**run, stages=True)
    assert np.array_equal(result.after_eci, result.activation)
    own = result.activation.astype(np.float64)
    span = max(own.max() - own.min(), 1e-300)
    scaled = (own - own.min()) / span if own.max() > own.min() else own * 0
    wanted = select("rank_filter", "naive")(scaled, [(6, 5)], 3)
    assert np.allclose(result.maps, wanted, atol=1e-6)


def test_hand_computed_case() -> None:
    # Two words over two cells; the second word's map is the first's, plus 1 at the first cell.
    context = np.array([[1.0, 2.0], [1.0, 1.0]])
    text = np.array([[0.0, 0.5], [0.0, 0.0]])
    ids, stops = [7, 8], [0, 1]
    result = maps_from_scores(
        context, context, text, ids, ids, stops, stops, [(1, 2)], 1, stages=True
    )
    # Word 2: w = (1, 0), I = (1, 1), s = (2 + 1) / 2, E = relu((2, 1) - 1.5) = (0.5, 0).
    assert np.allclose(result.after_eci, [[1, 1], [0.5, 0]])
    # Scaled together with its text score 0.5: both the map and the earlier word reach 1.
    assert np.allclose(result.maps, [[0, 0], [1, 0]])
    assert np.allclose(result.text_scores, [[0, 0], [0.5, 0]])
    assert np.allclose(result.relevance, [[0, 0], [1, 0]])


def test_a_word_does_not_explain_itself_away() -> None:
    context = np.array([[3.0, 3.0], [1.0, 1.0]])
    text = np.array([[0.0, 5.0], [0.0, 0.0]])
    ids, stops = [7, 7], [0, 1]
    same = maps_from_scores(
        context, context, text, ids, ids, stops, stops, [(1, 2)], 1, stages=True
    )
    assert np.array_equal(same.after_eci[1], [3, 1])


def test_a_candidate_gets_the_map_it_would_have_as_target() -> None:
    run = random_run(3, [(4, 6)], targets=6)
    square = token_activation_maps(**run)
    project = select("projection")
    states, rows = torch.from_numpy(run["hidden"]), torch.from_numpy(run["head_rows"])
    vision, text = (
        project(states, torch.from_numpy(run[positions]), rows, torch.arange(6)).T
        for positions in ("vision_positions", "context_positions")
    )
    last = maps_from_scores(
        vision[:, :5],
        vision[:, 5:],
        text[:5, 5:],
        run["context_ids"][:5],
        run["context_ids"][5:],
        [5],
        [5],
        [(4, 6)],
    )
    assert np.allclose(last.maps[0], square.maps[5], atol=1e-6)
    assert np.allclose(last.text_scores[0], square.text_scores[5, :5], atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_accumulated_in_float32(dtype: torch.dtype) -> None:
    run = random_run(5, [(8, 8)], width=512)
    half = {name: torch.from_numpy(run[name]).to(dtype) for name in ("hidden", "head_rows")}
    exact = {name: value.float() for name, value in half.items()}
    result = token_activation_maps(**(run | half))
    assert torch.equal(result.maps, token_activation_maps(**(run | exact)).maps)


def test_all_zero_scores_give_all_zero_maps() -> None:
    run = random_run(0, [(3, 3)]) | {"head_rows": np.zeros((6, 8), np.float32)}
    result = token_activation_maps(**run)
    assert not result.maps.any()
    assert not result.relevance.any()


def test_results_are_of_the_inputs_kind() -> None:
    run = random_run(0, [(3, 3)])
    tensors = run | {name: torch.from_numpy(run[name]) for name in ("hidden", "head_rows")}
    for stages in (False, True):
        arrays = token_activation_maps(**run, stages=stages)
        assert all(isinstance(v, np.ndarray) and v.dtype == np.float32 for v in parts(arrays))
        assert all(v.dtype == torch.float32 for v in parts(token_activation_maps(**tensors)))


def parts(result: TokenActivationMaps) -> tuple[Any, ...]:
    return (
        result.maps,
        result.text_scores,
        result.relevance,
        result.activation,
        result.after_eci,
    )


def test_stages_are_kept_or_made_when_asked_for_and_change_nothing() -> None:
    run = random_run(1, [(5, 4), (2, 3)])
    plain, full = token_activation_maps(**run), token_activation_maps(**run, stages=True)
    assert not isinstance(plain.stages, tuple), "nothing of the size of the maps is kept unasked"
    for one, other in zip(parts(plain), parts(full), strict=True):
        assert np.array_equal(one, other)
    assert plain.activation is plain.activation, "computed once"
    assert repr(plain) == "<TokenActivationMaps of 6 targets on 26 cells>"


def test_scores_alone_give_the_stages_too() -> None:
    run = random_run(4, [(4, 4)])
    square = token_activation_maps(**run)
    context = square.activation.T.copy()
    text = np.maximum(run["hidden"][run["context_positions"]] @ run["head_rows"].T, 0)
    ids, stops = run["context_ids"], np.arange(len(run["context_ids"]))
    given = (context, context, text, ids, ids, stops, np.maximum(stops, run["prompt_targets"]))
    found = maps_from_scores(*given, run["grids"])
    assert np.allclose(found.after_eci, square.after_eci, atol=1e-5)
    assert np.array_equal(context.T, square.activation), "the scores given are not written to"


def test_class_ids_choose_rows_of_a_whole_head() -> None:
    run = random_run(2, [(4, 4)])
    ids = np.array([40, 3, 3, 17, 0, 9])
    head = np.random.default_rng(9).normal(size=(50, 8)).astype(np.float32)
    head[ids[0]] = np.nan
    ids[0] = 5
    chosen = token_activation_maps(**(run | {"head_rows": head[ids]}))
    found = token_activation_maps(**(run | {"head_rows": head}), class_ids=ids)
    assert np.array_equal(found.maps, chosen.maps)


def test_chunks_give_the_same_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    run = random_run(4, [(9, 7), (3, 4)], targets=11)
    whole = token_activation_maps(**run)
    monkeypatch.setattr(engine, "_CHUNK_CPU", 2 * 75)
    chunked = token_activation_maps(**run)
    assert np.array_equal(np.floor(255 * chunked.maps), np.floor(255 * whole.maps))
    assert np.abs(chunked.maps - whole.maps).max() <= 1e-6
    assert np.allclose(chunked.relevance, whole.relevance, atol=1e-6)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory"),
        MemoryError(),
    ],
)
def test_when_memory_runs_out_smaller_chunks_finish_the_work(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    run = random_run(4, [(9, 7)], targets=11)
    whole = token_activation_maps(**run)
    sizes = limited(monkeypatch, error, rows=3)
    scarce = token_activation_maps(**run)
    assert np.array_equal(np.floor(255 * scarce.maps), np.floor(255 * whole.maps))
    assert np.array_equal(scarce.text_scores, whole.text_scores)
    assert sizes == [11, 5, 2, 2, 2, 2, 2, 1], "each size is tried, and nothing is done twice"
    assert "continuing with 2 targets at a time" in caplog.text


def test_when_not_even_one_target_fits_the_error_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    limited(monkeypatch, torch.OutOfMemoryError("CUDA out of memory"), rows=0)
    with pytest.raises(torch.OutOfMemoryError):
        token_activation_maps(**random_run(4, [(9, 7)]))


def limited(monkeypatch: pytest.MonkeyPatch, error: Exception, rows: int) -> list[int]:
    """Make the causal step fail above ``rows`` targets; return the sizes of its calls."""
    sizes = []

    def scarce(op: str, backend: str = "torch") -> Callable[..., Any]:
        function = select(op, backend)
        if op != "causal_residual":
            return function

        def narrow(context: torch.Tensor, target: torch.Tensor, *rest: torch.Tensor) -> object:
            sizes.append(len(target))
            if len(target) > rows:
                raise error
            return function(context, target, *rest)

        return narrow

    monkeypatch.setattr(engine, "select", scarce)
    return sizes


def test_the_thread_count_is_left_as_it_was() -> None:
    torch.set_num_threads(2)
    try:
        token_activation_maps(**random_run(0, [(3, 3)]))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


def test_inputs_are_left_alone() -> None:
    run = random_run(0, [(3, 3)])
    before = {name: np.copy(run[name]) for name in ("hidden", "head_rows")}
    token_activation_maps(**run)
    assert all(np.array_equal(run[name], values) for name, values in before.items())
    scores = np.random.default_rng(0).random((9, 6))
    kept = scores.copy()
    rest = (np.eye(6), range(6), range(6), range(6), range(6), [(3, 3)])
    maps_from_scores(scores, scores, *rest)
    assert np.array_equal(scores, kept)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", ["vision", "context", "row"])
def test_states_that_are_not_finite_are_refused(bad: float, place: str) -> None:
    run = random_run(0, [(3, 3)])
    name = "head_rows" if place == "row" else "hidden"
    index = {"vision": 1, "context": 11, "row": 0}[place]
    run[name][index, 0] = bad
    with pytest.raises(NumericsError, match="NaN or infinity"):
        token_activation_maps(**run)


def test_states_that_are_not_needed_may_be_anything() -> None:
    run = random_run(0, [(3, 3)])
    run["hidden"][0] = np.nan
    assert np.isfinite(token_activation_maps(**run).maps).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"grids": [(3, 4)]}, "grids"),
        ({"grids": [(9, 1), (0, 5)]}, "grids"),
        ({"prompt_targets": 7}, "prompt_targets"),
        ({"context_positions": np.arange(5)}, "context positions"),
        ({"context_ids": np.arange(5)}, "ids"),
        ({"vision_positions": np.arange(40, 49)}, "outside"),
        ({"head_rows": np.zeros((6, 9), np.float32)}, "do not fit"),
        ({"kernel_size": 4}, "odd"),
        ({"grids": [], "vision_positions": np.zeros(0, int)}, "no vision cell"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict, words: str) -> None:
    with pytest.raises(NumericsError, match=words):
        token_activation_maps(**(random_run(0, [(3, 3)]) | change))
