"""Every family that cuts pictures into tiles, from original pixels to vision tokens."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tam.layout import VisionLayout
from tam.media import Media
from tam.registry import adapter_for
from tam.testing import LayoutReport, probe_clip, probe_layout, probe_picture
from tests.adapters.tiled import FAMILIES, Size, Tiled, Wrong
from tests.loaded import Loaded, load
from tests.wrong_views import Rearranged

# The video processor of MiniCPM-V hands a tensor to numpy in a way that numpy is going to drop.
pytestmark = pytest.mark.filterwarnings("ignore:__array_wrap__ must accept:DeprecationWarning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tiled")


@cache
def opened(family: str, folder: Path) -> Loaded:
    (folder / family).mkdir()
    return load(FAMILIES[family].build, folder / family)


def probe(
    loaded: Loaded, case: Tiled, media: Sequence[Media], cell: int | None = None, **options: Any
) -> LayoutReport:
    side = cell or case.cell
    if case.taps is not None:
        options["taps"] = case.taps
    return probe_layout(*loaded, list(media), cell_pixels=(side, side), random_cells=2, **options)


@pytest.mark.parametrize(
    ("family", "size"), [(name, size) for name, case in FAMILIES.items() for size in case.sizes]
)
def test_every_token_sees_its_cell_and_no_other(folder: Path, family: str, size: Size) -> None:
    report = probe(opened(family, folder), FAMILIES[family], [probe_picture(*size)])
    assert report.passed, report


@pytest.mark.parametrize("family", FAMILIES)
def test_several_media_and_the_same_twice(folder: Path, family: str) -> None:
    case = FAMILIES[family]
    report = probe(opened(family, folder), case, case.together)
    assert report.passed, report
    assert {result.block.media for result in report.results} == set(range(len(case.together)))


@pytest.mark.parametrize(
    ("family", "frames", "size"),
    [(name, *clip) for name, case in FAMILIES.items() for clip in case.clips],
)
def test_clips(folder: Path, family: str, frames: int, size: Size) -> None:
    case = FAMILIES[family]
    report = probe(opened(family, folder), case, [probe_clip(frames, *size)], case.clip_cell)
    assert report.passed, report
    assert {result.block.frame for result in report.results} == set(range(frames))


@pytest.mark.parametrize(
    ("family", "wrong"), [(name, wrong) for name, case in FAMILIES.items() for wrong in case.wrong]
)
def test_the_probe_finds_what_is_wrong(folder: Path, family: str, wrong: Wrong) -> None:
    case, loaded = FAMILIES[family], opened(family, folder)
    rearrange, media = wrong

    def rearranged(layout: VisionLayout) -> VisionLayout:
        # Marks belong to no view, so a wrong view must be found without them.
        own = VisionLayout(layout.grids, layout.separators[:0]) if case.marks else layout
        return rearrange(own)

    report = probe(
        loaded, case, media, adapter=Rearranged(adapter_for(loaded[0].config), rearranged)
    )
    assert report.missed or report.unexpected if case.marks else not report.passed
