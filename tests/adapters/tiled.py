"""Families that cut pictures into tiles: how to probe each, and how its layout could be wrong."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from tam.media import Media
from tam.testing import probe_clip, probe_picture
from tests.tiny import anyres, lfm2_vl, minicpmv4_6, molmo2, perception_lm, tagged, tiled
from tests.wrong_views import (
    Rearrange,
    columns_first,
    exchanged_media,
    later_frame,
    next_token,
    of_each_grid,
    other_arrangement,
    shifted_down,
    shifted_right,
    thumbnail_at_the_other_end,
    tile_after_tile,
    whole_pictures,
)

Size = tuple[int, int]
"""(height, width) in pixels."""

Wrong = tuple[Rearrange, list[Media]]
"""A wrong layout, and media on which the probe detects it."""


@dataclass(frozen=True)
class Tiled:
    """One family.

    ``cell`` is the side of a vision token in pixels of the model's input, ``resize_radius`` the
    radius of the resize kernel; ``sizes`` are sizes of single pictures, ``clips`` (frames, size) of
    single clips with tokens of side ``clip_cell``; ``together`` is one message of several media,
    some of them shown twice. With ``marks``, tokens between the views carry vision states too.
    """

    build: Callable[[Path], Path]
    cell: int
    sizes: tuple[Size, ...]
    together: tuple[Media, ...]
    wrong: tuple[Wrong, ...]
    clips: tuple[tuple[int, Size], ...] = ()
    clip_cell: int | None = None
    resize_radius: int | None = None
    marks: bool = False


def _wrong(*, tile_by_tile: bool = True, shifts: Size = (100, 150)) -> tuple[Wrong, ...]:
    """Return the wrong layouts that are possible in every family of tiles plus a thumbnail."""
    picture, shifted = probe_picture(100, 150), probe_picture(*shifts)
    ways: list[Wrong] = [(of_each_grid(tile_after_tile), [picture])] if tile_by_tile else []
    return (
        *ways,
        (of_each_grid(columns_first), [picture]),
        (of_each_grid(shifted_right), [shifted]),
        (of_each_grid(shifted_down), [shifted]),
        (thumbnail_at_the_other_end, [picture]),
        (exchanged_media, [picture, probe_picture(100, 150)]),
    )


def _arranged(*sizes: Size) -> tuple[Wrong, ...]:
    return tuple((of_each_grid(other_arrangement), [probe_picture(*size)]) for size in sizes)


def _next_token(*size: int) -> Wrong:
    return of_each_grid(next_token), [probe_picture(*size)]


_LATER_FRAME: Wrong = (of_each_grid(later_frame), [probe_clip(3, 60, 90)])

_PICTURE = probe_picture(100, 150)
_TOGETHER = (_PICTURE, probe_picture(300, 64), _PICTURE)
_SMALL = probe_picture(60, 90)
_CLIPS = ((1, (60, 120)), (4, (60, 120)))

# Wide, tall, elongated, tiny, square, and with odd sides.
_SIZES: tuple[Size, ...] = (
    (100, 150),
    (150, 100),
    (64, 1000),
    (1000, 64),
    (20, 13),
    (112, 112),
    (301, 203),
)
# Idefics3 first resizes the longest edge to 224 pixels and then the picture to whole tiles of 56.
# Both use Lanczos with radius 3, so a token can see up to eight pixels beyond its cell.
_IDEFICS = Tiled(
    build=tagged.tiny_smolvlm,
    cell=tagged.CELL,
    sizes=((100, 150), (150, 100), (20, 13), (112, 112), (301, 203), (64, 300)),
    together=_TOGETHER,
    wrong=(*_wrong(shifts=(300, 450)), *_arranged((100, 150)), _next_token(100, 150), _LATER_FRAME),
    clips=_CLIPS,
    resize_radius=8,
)

FAMILIES: dict[str, Tiled] = {
    "aya_vision": Tiled(
        tiled.tiny_aya_vision, tiled.CELL, _SIZES, _TOGETHER, (*_wrong(), *_arranged((100, 150)))
    ),
    "cohere2_vision": Tiled(
        tiled.tiny_cohere2_vision,
        tiled.CELL,
        _SIZES,
        _TOGETHER,
        (*_wrong(), *_arranged((100, 150))),
    ),
    "granite4_vision": Tiled(
        anyres.tiny_granite4_vision,
        2 * anyres.CELL,
        (*_SIZES[:5], (224, 224), (301, 203)),
        _TOGETHER,
        (*_wrong(tile_by_tile=False, shifts=(300, 450)), *_arranged((100, 150))),
    ),
    "idefics3": replace(_IDEFICS, build=tagged.tiny_idefics3, clips=(), wrong=_IDEFICS.wrong[:-1]),
    "smolvlm": _IDEFICS,
    "internvl": Tiled(
        tiled.tiny_internvl,
        tiled.CELL,
        (*_SIZES, (30, 30), (3, 40)),
        (_SMALL, probe_clip(3, 90, 60), probe_picture(40, 200), _SMALL),
        (
            *_wrong(),
            *_arranged((100, 150), (64, 1000)),
            (of_each_grid(shifted_down), [probe_picture(300, 150)]),
            _next_token(100, 150),
            _LATER_FRAME,
        ),
        clips=_CLIPS,
    ),
    "qianfan_ocr": Tiled(
        tiled.tiny_qianfan_ocr,
        tiled.CELL,
        (*_SIZES, (30, 30), (3, 40)),
        _TOGETHER,
        (*_wrong(), *_arranged((100, 150)), _next_token(100, 150)),
    ),
    "granite_docling": Tiled(
        tagged.tiny_granite_docling,
        tagged.CELL,
        (*_SIZES, (30, 30), (3, 40)),
        (_PICTURE, _SMALL, probe_picture(300, 64), _PICTURE),
        (*_wrong(), *_arranged((100, 150)), _next_token(100, 150)),
    ),
    "lfm2_vl": Tiled(
        lfm2_vl.tiny_lfm2_vl,
        lfm2_vl.CELL,
        (*_SIZES, (3, 40), (60, 110)),
        (_PICTURE, probe_picture(40, 64), probe_picture(300, 64), _PICTURE),
        (
            *_wrong(),
            *_arranged((100, 150)),
            (of_each_grid(columns_first), [probe_picture(60, 110)]),
            _next_token(60, 110),
        ),
    ),
    "llama4": Tiled(
        tagged.tiny_llama4,
        tagged.CELL,
        (*_SIZES, (3, 40), (30, 200)),
        _TOGETHER,
        (
            *_wrong(),
            *_arranged((100, 150)),
            _next_token(20, 13),
            (whole_pictures, [probe_picture(64, 1000)]),
        ),
    ),
    "minicpmv4_6": Tiled(
        minicpmv4_6.tiny_minicpmv4_6,
        minicpmv4_6.CELL,
        (*_SIZES, (3, 40), (56, 168)),
        (_SMALL, probe_clip(3, 90, 60), probe_clip(2, 30, 60), _SMALL),
        (
            *_wrong(),
            *_arranged((56, 168)),
            _next_token(100, 150),
            _LATER_FRAME,
            (of_each_grid(tile_after_tile), [probe_clip(3, 100, 150)]),
        ),
        clips=((1, (30, 40)), (4, (60, 120)), (3, (200, 90))),
    ),
    "molmo2": Tiled(
        molmo2.tiny_molmo2,
        molmo2.CELL,
        (*_SIZES, (3, 40)),
        _TOGETHER,
        (
            *_wrong(tile_by_tile=False),
            *_arranged((100, 200)),
            _next_token(100, 150),
            _LATER_FRAME,
            (of_each_grid(columns_first), [probe_clip(3, 60, 90)]),
        ),
        clips=_CLIPS,
        clip_cell=molmo2.CELL // 2 * 3,
    ),
    "ovis2": Tiled(
        tagged.tiny_ovis2,
        tagged.CELL,
        (*_SIZES, (3, 40)),
        _TOGETHER,
        (*_wrong(), *_arranged((100, 150)), _next_token(20, 13)),
        marks=True,
    ),
    "perception_lm": Tiled(
        perception_lm.tiny_perception_lm,
        perception_lm.CELL,
        _SIZES,
        (_PICTURE, probe_picture(150, 100), _PICTURE),
        (*_wrong(), *_arranged((100, 150)), _next_token(100, 150), _LATER_FRAME),
        clips=_CLIPS,
    ),
}
FAMILIES["minicpmv4_7"] = replace(FAMILIES["minicpmv4_6"], build=minicpmv4_6.tiny_minicpmv4_7)
FAMILIES["minicpm_ocr"] = replace(FAMILIES["minicpmv4_6"], build=minicpmv4_6.tiny_minicpm_ocr)
"""By the model type that the family's configurations name."""
