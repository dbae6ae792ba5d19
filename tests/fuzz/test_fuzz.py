"""The short form of ``make fuzz``: a few mutated files of each kind."""

from pathlib import Path

import numpy as np
import pytest

from tests.fuzz.kinds import KINDS
from tests.fuzz.mutate import mutated
from tests.fuzz.run import fuzz

SHORT = {"pictures": 120, "clips-pyav": 60, "clips-decord": 6, "clips-opencv": 6}


@pytest.mark.promise(
    "pictures",
    "random changes of bytes in pictures and clips",
    "read, or refused with a one-line error; `make fuzz` runs thousands",
)
@pytest.mark.parametrize("kind", SHORT)
def test_a_mutated_file_is_read_or_refused_in_a_line(tmp_path: Path, kind: str) -> None:
    tally = fuzz(kind, SHORT[kind], 1, tmp_path / kind)
    assert not tally.faults
    assert sum(tally.outcomes.values()) == SHORT[kind]
    assert tally.outcomes["read"] > 0


@pytest.mark.promise(
    "saved files",
    "random changes of bytes, values or parts of a saved explanation",
    "opened, or refused with a one-line error, within seconds; `make fuzz` runs thousands",
)
def test_a_damaged_explanation_opens_or_is_refused(tmp_path: Path) -> None:
    tally = fuzz("saved", 200, 1, tmp_path)
    assert not tally.faults
    assert sum(tally.outcomes.values()) == 200
    assert 0 < tally.outcomes["read"] < 200


def test_every_kind_has_a_short_form() -> None:
    assert {*SHORT, "saved"} == set(KINDS)


def test_the_same_seed_gives_the_same_file() -> None:
    content = bytes(range(256)) * 8
    first, again = (mutated(content, np.random.default_rng(5)) for _ in range(2))
    assert first == again != content
