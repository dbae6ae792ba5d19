"""Temporary files beside their targets, when a signal comes at the worst moment."""

import os
from pathlib import Path

import pytest

from tam.files.temporary import places_beside


def test_a_signal_while_the_lock_is_made_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def interrupted(number: int) -> bool:
        seen.extend(path.name for path in tmp_path.iterdir())
        os.close(number)
        raise KeyboardInterrupt

    monkeypatch.setattr("tam.files.locks._try_to_lock", interrupted)
    with pytest.raises(KeyboardInterrupt), places_beside(tmp_path / "a.png"):
        pytest.fail("the lock was not made")
    assert len(seen) == 1, "the lock file was there"
    assert list(tmp_path.iterdir()) == []
