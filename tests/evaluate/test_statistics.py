"""Intervals and tests on numbers whose answer is known."""

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from tam.evaluate.statistics import draws, interval, pool, wilcoxon_p


def test_a_mean_is_over_all_words_not_over_items() -> None:
    pooled = pool([[1.0, 1.0, 1.0], [0.0], [], [math.nan]])
    assert pooled.counts.tolist() == [3, 1, 0, 0]
    assert pooled.means(draws(4))[0] == 0.75


def test_the_interval_holds_the_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for trial in range(200):
        values = [[value] for value in rng.normal(2.0, 1.0, 60).tolist()]
        found = interval(pool(values).means(draws(60, resamples=400, seed=trial)))
        held += found.low <= 2.0 <= found.high
    assert 0.85 < held / 200 <= 1
    assert binomtest(held, 200, 0.93).pvalue > 1e-3


def test_whole_items_are_drawn() -> None:
    """A hundred equal words of one item are no more certain than one."""
    many = interval(pool([[1.0] * 100, [0.0] * 100]).means(draws(2)))
    one = interval(pool([[1.0], [0.0]]).means(draws(2)))
    assert many == one
    assert (one.value, one.low, one.high) == (0.5, 0, 1)


def test_nothing_measured_gives_no_figure() -> None:
    found = interval(pool([[], []]).means(draws(2)))
    assert math.isnan(found.value)
    assert math.isnan(found.low)


def test_wilcoxon_sees_a_steady_difference_and_no_chance_one() -> None:
    rng = np.random.default_rng(1)
    base = rng.random(40)
    better = pool([[value + 0.1] for value in base.tolist()])
    same = pool([[value] for value in base.tolist()])
    noise = pool([[value] for value in (base + rng.normal(0, 0.1, 40)).tolist()])
    assert wilcoxon_p(better, same) < 1e-6
    assert wilcoxon_p(same, same) == 1
    assert wilcoxon_p(noise, same) == pytest.approx(wilcoxon_p(same, noise))
    assert wilcoxon_p(noise, same) > 0.01
    assert wilcoxon_p(pool([[], [1.0]]), pool([[1.0], []])) == 1
