"""ARC: rank-biased overlap against its definition, and the maps against plain NumPy."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tam.engine.ops.causal_residual.naive import causal_residual
from tam.errors import InputError
from tam.methods import explain
from tam.methods.arc import predictions, rank_biased_overlap
from tam.replay import Replay


def overlap_by_definition(one: list[int], other: list[int], p: float) -> float:
    depths = range(1, len(one) + 1)
    common = [len({*one[:d]} & {*other[:d]}) / d for d in depths]
    weights = [p ** (d - 1) for d in depths]
    return sum(w * c for w, c in zip(weights, common, strict=True)) / sum(weights)


def test_the_overlap_by_hand() -> None:
    # Common are 0, 1 and 2 of the first 1, 2 and 3: (0 + 1/2 · 1/2 + 1/4 · 2/3) / (7/4).
    found = rank_biased_overlap(np.array([[7, 2, 0], [2, 9, 7], [4, 5, 6]]), 0.5)
    assert found[0, 1] == pytest.approx((1 / 4 + 1 / 6) / (7 / 4))
    assert found[2].tolist() == pytest.approx([0, 0, 1])


def test_the_overlap_is_its_definition() -> None:
    rng = np.random.default_rng(0)
    rankings = np.stack([rng.permutation(12)[:8] for _ in range(6)])
    found = rank_biased_overlap(rankings, 0.9)
    assert 0 < found.min() < 0.5
    for row, one in enumerate(rankings.tolist()):
        for column, other in enumerate(rankings.tolist()):
            expected = overlap_by_definition(one, other, 0.9)
            assert found[row, column] == pytest.approx(expected, abs=1e-6)


def test_predictions_are_the_models_own(qwen_picture: Replay) -> None:
    trace = qwen_picture.trace
    first = trace.text.prompt_targets
    found = predictions(trace, 3)
    for ranked, step in zip(found[first:], trace.predictions, strict=True):
        assert ranked.tolist() == [candidate.id for candidate in step.candidates[:3]]
    vocabulary = trace.lm_head.logits(trace.context_states[:1]).shape[1]
    assert predictions(trace, vocabulary + 1).shape[1] == vocabulary


def test_the_maps_by_plain_arithmetic(small_picture: Replay) -> None:
    trace = small_picture.trace
    head: Any = small_picture.checkpoint.lm_head
    rows = head.weight.detach()[trace.text.ids]
    scores = np.maximum((trace.states @ rows.T).numpy().astype(np.float64), 0)
    cells, text = scores[: trace.cells].T, scores[trace.cells :].T
    overlap = rank_biased_overlap(predictions(trace, 5), 0.8)
    index = np.arange(len(text))
    ids = trace.text.ids
    residual, _, _ = causal_residual(cells, cells, text * (1 - overlap), ids, ids, index)
    expected = jointly_scaled(residual, text, trace.text.prompt_targets)
    options: dict[str, Any] = {"depth": 5, "persistence": 0.8, "kernel_size": 1}
    found = explain("arc", trace, small_picture, **options)
    assert np.allclose(found.maps, expected, atol=1e-4)
    assert found.provenance["method"] == {"name": "arc", **options}
    eci, plain = (explain(name, trace) for name in ("eci", "activation"))
    assert np.abs(found.maps - eci.maps).max() > 0.01
    assert np.abs(found.maps - plain.maps).max() > 0.01
    assert found.text_scores is not None
    assert eci.text_scores is not None
    assert np.allclose(found.text_scores, eci.text_scores)


def jointly_scaled(
    maps: NDArray[np.float64], text: NDArray[np.float64], prompt: int
) -> NDArray[np.float64]:
    scaled = np.zeros_like(maps)
    for row, own in enumerate(maps):
        every = np.concatenate([own, text[row, : max(row, prompt)]])
        scaled[row] = (own - every.min()) / max(every.max() - every.min(), 1e-12)
    return scaled


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 0}, "depth: 0 is not possible; give a whole number from 1 on"),
        ({"persistence": 1.0}, "persistence: 1.0 is not possible; give a number above 0"),
    ],
)
def test_options_that_make_no_overlap_are_refused(
    options: dict[str, Any], message: str, qwen_picture: Replay
) -> None:
    with pytest.raises(InputError, match=message):
        explain("arc", qwen_picture.trace, qwen_picture, **options)
