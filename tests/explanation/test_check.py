import math

import pytest

from tam.explanation.check import LEAST_SCORE, REASONS, Check

# Losses 3 with the region, and 0, 0.2 with two controls.
USED = Check((4,), "blur", -0.1, -3.1, (-0.1, -0.3))


def test_the_score_is_the_loss_less_the_controls_mean_loss() -> None:
    assert USED.score == pytest.approx(3.0 - 0.1)


def test_the_interval_is_where_one_more_control_would_fall() -> None:
    # t(0.975; 1) = tan(0.475 π) = 12.7062; s = 0.2 / √2; √(1 + 1/2).
    half = math.tan(0.475 * math.pi) * 0.2 / math.sqrt(2) * math.sqrt(1.5)
    assert USED.interval == pytest.approx((2.9 - half, 2.9 + half))


def controls(*losses: float, region: float) -> Check:
    return Check((4,), "blur", -0.5, -0.5 - region, tuple(-0.5 - loss for loss in losses))


@pytest.mark.parametrize(
    ("check", "used"),
    [
        (controls(0.0, 0.1, 0.0, 0.1, region=2.0), True),
        (controls(0.0, 0.1, 0.0, 0.1, region=0.5), False),
        (controls(1.0, 1.1, 1.0, 1.1, region=0.0), False),
        (controls(0.0, 0.1, 0.0, 0.1, region=0.1), False),
        (controls(0.0, 0.0, 0.0, 0.0, region=0.0), False),
        (controls(0.0, 0.8, 0.0, 0.8, region=0.9), None),
        (controls(0.0, 2.0, 0.0, 2.0, region=3.0), None),
        (controls(0.0, 0.0, region=LEAST_SCORE + 1e-9), True),
        (Check((4,), "blur", -0.5, reason="no-room"), None),
    ],
)
def test_a_verdict_needs_an_interval_that_tells(check: Check, used: bool | None) -> None:
    assert check.used is used


def test_the_sentence_tells_the_three_probabilities() -> None:
    logs = [math.log(p) for p in (0.93, 0.11, 0.91)]
    check = Check((4,), "blur", logs[0], logs[1], (logs[2],) * 8)
    assert check.sentence == (
        "without the marked region: 93.0% → 11.0%; without one like it elsewhere: 91.0%"
    )
    other = Check((4,), "blur", logs[0], logs[2], (logs[0],) * 8)
    assert other.sentence.startswith(
        "hiding the marked region matters little more than hiding another: without"
    )


@pytest.mark.parametrize("reason", REASONS)
def test_what_cannot_be_checked_has_no_figures_and_says_why(reason: str) -> None:
    check = Check((4,), "blur", -0.5, reason=reason)
    assert check.score is check.interval is check.used is None
    assert check.sentence == f"cannot be checked: {REASONS[reason]}"
