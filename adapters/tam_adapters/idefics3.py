"""Idefics3 and SmolVLM: tagged tiles, row by row, then the whole picture; frames are not tiled."""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tam.errors import ModelError
from tam.families.adapter import Adapter, Encoded
from tam.families.processor import Processor
from tam.geometry.layout import VisionGrid, VisionLayout
from tam_adapters.tiles import (
    clip_grid,
    equal_views,
    misfit,
    of_kind,
    square_side,
    tiled_grids,
    token_runs,
)

_TAG = re.compile(r"<row_(\d+)_col_(\d+)>")


class Idefics3Adapter(Adapter):
    """Places tiles by the tags before them, such as ``<row_1_col_2>``.

    The picture is squashed to whole tiles. The thumbnail comes last.
    """

    family = "Idefics3"
    reads_clips = False
    # It resizes twice with a Lanczos kernel: to the longest edge, then to whole tiles.
    resize_radius = 8

    def cell_pixels(self, config: Any, processor: Processor) -> tuple[int, int] | None:
        """Return half of a token's height and width, so that the layout probe allows for more blur.

        The first resize can leave the short side of an elongated picture with fewer pixels than
        the tower's input.
        """
        del processor
        side = int(config.vision_config.patch_size) * int(config.scale_factor) // 2
        return side, side

    def vision_layout(self, encoded: Encoded) -> VisionLayout:
        """Place every vision token of an encoded prompt.

        Raises
        ------
        ModelError
            If the prompt does not match its pictures.
        """
        return _layout(encoded)


class SmolVLMAdapter(Idefics3Adapter):
    """SmolVLM: the same, plus clips, frame by frame."""

    family = "SmolVLM"
    reads_clips = True
    clips_since = "5.23.0"

    def vision_layout(self, encoded: Encoded) -> VisionLayout:
        """Place every vision token of an encoded prompt.

        Raises
        ------
        ModelError
            If the prompt does not match its pictures and clips, or has both pictures and clips, of
            which the processor would keep only the clips.
        """
        clips = of_kind("video", encoded.media)
        if clips and len(clips) != len(encoded.media):
            raise ModelError(
                "SmolVLM's processor does not accept pictures and clips together",
                where=clips[0][1].media.name,
                remedy="give either pictures or clips",
            )
        return _layout(encoded)


def _layout(encoded: Encoded) -> VisionLayout:
    runs = token_runs(encoded.ids, int(encoded.config.image_token_id))
    grids: list[VisionGrid] = []
    for index, placed in enumerate(encoded.media):
        if placed.media.kind == "video":
            count = len(placed.media.frames)
            views = equal_views(runs[:count], placed.media.name)
            side = square_side(views.shape[1], placed.media.name)
            grids.append(clip_grid(index, placed, (side, side), views.ravel()))
        else:
            tags = _tags_of_one_picture(encoded, runs)
            count = len(tags) + 1
            views = equal_views(runs[:count], placed.media.name)
            arrangement = max(tags, default=(0, 0))
            rows, columns = arrangement
            if tags != [(r + 1, c + 1) for r in range(rows) for c in range(columns)]:
                raise misfit("its tiles are not in row-major order", placed.media.name)
            grids += tiled_grids(index, placed, views, arrangement)
        runs = runs[count:]
    if runs:
        raise misfit(f"the prompt shows {len(runs)} views too many")
    return VisionLayout(grids=tuple(grids), separators=np.zeros(0, np.int64))


def tag_before(encoded: Encoded, run: NDArray[np.int64]) -> tuple[int, int] | None:
    """Return the 1-based row and column of a run's tile, from the tag before it, or None."""
    before = encoded.ids[run[0] - 1 : run[0]].tolist()
    token = "".join(encoded.processor.tokenizer.convert_ids_to_tokens(before))
    match = _TAG.fullmatch(token)
    return None if match is None else (int(match[1]), int(match[2]))


def _tags_of_one_picture(encoded: Encoded, runs: list[NDArray[np.int64]]) -> list[tuple[int, int]]:
    """Return the row and column of each tile before the first view without a tag."""
    tags = []
    for run in runs:
        tag = tag_before(encoded, run)
        if tag is None:
            break
        tags.append(tag)
    return tags
