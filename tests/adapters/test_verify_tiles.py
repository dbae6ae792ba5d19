"""``tam verify`` passes on every family of several views without hints."""

from collections.abc import Callable
from pathlib import Path

import pytest

import tam
from tam.model.verify import verify
from tests.tiny import (
    anyres,
    lfm2_vl,
    minicpmv4_6,
    molmo2,
    perception_lm,
    phi4_multimodal,
    tagged,
    tiled,
)

# Some of transformers' processors pass a tensor to NumPy in a way that it has deprecated.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:__array_wrap__ must accept:DeprecationWarning"),
]

BUILDERS: dict[str, Callable[[Path], Path]] = {
    **anyres.BUILDERS,
    **lfm2_vl.BUILDERS,
    **minicpmv4_6.BUILDERS,
    **molmo2.BUILDERS,
    **perception_lm.BUILDERS,
    **phi4_multimodal.BUILDERS,
    **tagged.BUILDERS,
    **tiled.BUILDERS,
}


# One family for each kind of layout; the others are in the complete grid.
REPRESENTATIVES = {"llava_next", "smolvlm", "internvl", "lfm2_vl"}


@pytest.mark.parametrize(
    "family",
    [
        name if name in REPRESENTATIVES else pytest.param(name, marks=pytest.mark.grid)
        for name in BUILDERS
    ],
)
def test_every_check_passes(family: str, tmp_path: Path) -> None:
    checks = verify(tam.load(BUILDERS[family](tmp_path)))
    assert [check.name for check in checks if check.passed is False] == []
    assert len(checks) == 10
