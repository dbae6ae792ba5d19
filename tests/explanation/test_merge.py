"""The merge rules, on maps whose merge is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tam.explanation.merge import MERGES, merged

MAPS = np.array([[0.0, 0.8, 0.4], [1.0, 0.2, 0.4]], np.float32)
EVEN = np.ones(2, np.float32)


def test_hand_computed_merges() -> None:
    assert merged(MAPS, EVEN, "maximum").tolist() == pytest.approx([1.0, 0.8, 0.4])
    assert merged(MAPS, EVEN, "first").tolist() == pytest.approx([0.0, 0.8, 0.4])
    uneven = np.array([0.3, 0.1], np.float32)
    assert merged(MAPS, uneven, "weighted").tolist() == pytest.approx([0.25, 0.65, 0.4])
    grey = 1 / 255
    wanted = [
        np.sqrt(grey * (1 + grey)) - grey,
        np.sqrt((0.8 + grey) * (0.2 + grey)) - grey,
        0.4,
    ]
    assert merged(MAPS, EVEN, "geometric").tolist() == pytest.approx(wanted)


def test_improbable_tokens_weigh_evenly() -> None:
    none = np.zeros(2, np.float32)
    assert merged(MAPS, none, "weighted").tolist() == pytest.approx([0.5, 0.5, 0.4])


def test_the_least_probabilities_still_weigh() -> None:
    least = np.full(2, np.finfo(np.float32).smallest_subnormal)
    assert merged(MAPS, least, "weighted").tolist() == pytest.approx([0.5, 0.5, 0.4])


def test_one_token_without_evidence_does_not_blank_a_phrase() -> None:
    maps = np.array([[0, 0], [0.9, 0.1]], np.float32)
    found = merged(maps, EVEN, "geometric")
    assert found[0] > found[1] > 0


@pytest.mark.parametrize("rule", MERGES)
@given(
    maps=arrays(np.float32, (3, 4), elements=st.floats(0, 1, width=32)),
    weights=arrays(np.float32, 3, elements=st.floats(0, 1, width=32)),
)
def test_a_merge_lies_between_its_maps(rule: str, maps: np.ndarray, weights: np.ndarray) -> None:
    found = merged(maps, weights, rule)
    assert found.dtype == np.float32
    assert (found >= maps.min(axis=0) - 1e-6).all()
    assert (found <= maps.max(axis=0) + 1e-6).all()


@pytest.mark.parametrize("rule", MERGES)
def test_a_single_map_stays_what_it_is(rule: str) -> None:
    assert np.allclose(merged(MAPS[:1], EVEN[:1], rule), MAPS[0], atol=1e-6)
