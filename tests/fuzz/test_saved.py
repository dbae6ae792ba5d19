from pathlib import Path

import pytest

from tests.fuzz.saved import fuzz_saved


@pytest.mark.promise(
    "saved files",
    "a saved explanation with bytes, values or parts changed at random",
    "it opens or is refused in one line, within seconds; `make fuzz` runs thousands",
)
def test_a_damaged_explanation_opens_or_is_refused(tmp_path: Path) -> None:
    outcomes = fuzz_saved(0, 200, tmp_path)
    assert min(outcomes.values()) > 0
    assert sum(outcomes.values()) == 200
