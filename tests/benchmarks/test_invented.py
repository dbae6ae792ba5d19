"""The table of invented words."""

import numpy as np
import pytest

from benchmarks.invented import Word, calibration_error, document
from tam.evaluate.invented_items import INVENTED_SPLITS

SPLITS = list(INVENTED_SPLITS)[:2]


def test_the_table_has_every_split_and_a_perfect_detector() -> None:
    words = [
        Word(f"{split}{i}", split, i % 3 == 0, {"grounding": float(i % 3), "removal": float(i % 2)})
        for split in SPLITS
        for i in range(12)
    ]
    text = document("small", words, words, "command", resamples=5)
    assert text.count("| grounding | 100 [100, 100] | 100 [100, 100] |") == 1 + len(SPLITS)
    assert "24 judged words, 8 of them false. Grounding doubts 8 of these, and 0 of the" in text
    assert "| grounding as it is | 100 [100, 100] |" in text


def test_the_calibration_error_by_hand() -> None:
    values, true = np.array([0.9, 0.9, 0.1]), np.array([True, False, False])
    assert calibration_error(values, true) == pytest.approx(2 / 3 * 0.4 + 1 / 3 * 0.1)
