"""Every family that cuts pictures into tiles, from original pixels to vision tokens."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tam.families.adapter import Encoded, PlacedMedia
from tam.families.registry import adapter_for
from tam.geometry.layout import VisionLayout
from tam.media import Media
from tam.prompt.conversation import question
from tam.prompt.encoding import encode
from tam.testing import LayoutReport, probe_clip, probe_layout, probe_picture
from tests.adapters.tiled import FAMILIES, Size, Tiled, Wrong
from tests.loaded import Loaded, load
from tests.tiny import TAKING_CLIPS
from tests.wrong_views import Rearranged

# The video processor of MiniCPM-V passes a tensor to NumPy in a way that it has deprecated.
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
    if case.resize_radius is not None:
        options["resize_radius"] = case.resize_radius
    options = {"random_cells": 2} | options
    return probe_layout(*loaded, list(media), cell_pixels=(side, side), **options)


def first_few(of: str, count: int) -> list[Any]:
    """Pair a family with each of its cases; all but the first few run only in the complete grid."""
    return [
        pytest.param(name, entry, marks=() if number < count else pytest.mark.grid)
        for name, case in FAMILIES.items()
        for number, entry in enumerate(getattr(case, of))
    ]


@pytest.mark.parametrize(("family", "size"), first_few("sizes", 1))
def test_every_token_sees_its_cell_and_no_other(folder: Path, family: str, size: Size) -> None:
    report = probe(opened(family, folder), FAMILIES[family], [probe_picture(*size)])
    assert report.passed, report


# Families whose prompts list tokens row by row over all tiles, and that return their own seams.
@pytest.mark.parametrize("family", sorted({*FAMILIES} - {"granite4_vision", "molmo2"}))
def test_seams_are_where_the_order_of_tokens_breaks(folder: Path, family: str) -> None:
    loaded, picture = opened(family, folder), probe_picture(100, 150)
    model, processor = loaded
    adapter = adapter_for(model.config)
    prompt = encode(processor, question([picture], "x"), adapter)
    placed = [PlacedMedia(picture, 0)]
    layout = adapter.vision_layout(
        Encoded(prompt.ids, prompt.arrays, placed, model.config, processor)
    )
    (tiles,) = (grid for grid in layout.grids if grid.view == "tiles")
    _, height, width = tiles.shape
    positions = tiles.positions.reshape(height, width)
    left, top, right, bottom = tiles.box
    columns = np.flatnonzero(np.diff(positions[0]) > 1) + 1
    down = np.diff(positions[:, 0])
    rows = np.flatnonzero(down > down.min()) + 1
    assert columns.size
    assert rows.size
    np.testing.assert_allclose(tiles.seams[0], left + columns * (right - left) / width)
    np.testing.assert_allclose(tiles.seams[1], top + rows * (bottom - top) / height)


@pytest.mark.parametrize("family", FAMILIES)
def test_several_media_and_the_same_twice(folder: Path, family: str) -> None:
    case = FAMILIES[family]
    report = probe(opened(family, folder), case, case.together, random_cells=0)
    assert report.passed, report
    assert {result.block.media for result in report.results} == set(range(len(case.together)))


@pytest.mark.parametrize(
    ("family", "frames", "size"),
    [
        (name, *clip)
        for name, case in FAMILIES.items()
        for clip in case.clips
        if name in TAKING_CLIPS
    ],
)
def test_clips(folder: Path, family: str, frames: int, size: Size) -> None:
    case = FAMILIES[family]
    report = probe(opened(family, folder), case, [probe_clip(frames, *size)], case.clip_cell)
    assert report.passed, report
    assert {result.block.frame for result in report.results} == set(range(frames))


@pytest.mark.parametrize(("family", "wrong"), first_few("wrong", 1))
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
