"""LLaVA-OneVision: a single picture at any resolution, several as padded squares, pooled clips."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tam.errors import ModelError
from tam.families.adapter import Adapter, Encoded, PlacedMedia
from tam.families.processor import Processor
from tam.geometry.layout import VisionGrid, VisionLayout
from tam_adapters.anyres import Canvas, Tower, anyres_grids, canvas_of, tower_of
from tam_adapters.framing import framing
from tam_adapters.runs import cut_runs
from tam_adapters.tiles import clip_grid, equally_many_frames, of_kind, picture_grid


class LlavaOnevisionAdapter(Adapter):
    """Places a base view and an unpadded canvas, as in LLaVA-NeXT, with fewer tokens.

    The tokens of a large canvas are downsampled to at most those of the number of tiles in
    ``vision_aspect_ratio``, those of a frame to a quarter. If a conversation shows several
    pictures, each is padded to a square instead of being laid on a canvas.
    """

    family = "LLaVA-OneVision"

    def check(self, config: Any) -> None:
        """Refuse towers that are not a fixed square, or with tokens other than their patches.

        Raises
        ------
        ModelError
            If the checkpoint is refused. The message says why, and what to use instead.
        """
        tower_of(config)
        _most_tiles(config)

    def call_processor(self, processor: Processor, options: Mapping[str, Any]) -> Any:
        """Encode a prompt whose pictures all belong to one conversation.

        The processor would read a flat list of pictures as one conversation for each.

        Raises
        ------
        ModelError
            If the clips differ in their number of frames.
        """
        equally_many_frames(self.family, options)
        if "images" in options:
            options = {**options, "images": [options["images"]]}
        return processor(**options)

    def cell_pixels(self, config: Any, processor: Processor) -> tuple[int, int] | None:
        """Return 2 × 2, so that the layout probe allows for tokens that mix their neighbours."""
        del config, processor
        return 2, 2

    def vision_layout(self, encoded: Encoded) -> VisionLayout:
        """Place every vision token of an encoded prompt.

        Raises
        ------
        ModelError
            If the prompt does not match its pictures and clips.
        """
        grids, separators = _picture_grids(encoded)
        tower, ends = tower_of(encoded.config), []
        side = math.ceil(tower.side / 2)
        clips = of_kind("video", encoded.media)
        lengths = [len(placed.media.frames) * side * side + 1 for _, placed in clips]
        runs = cut_runs(encoded.ids, int(encoded.config.video_token_id), lengths, "video")
        for (index, placed), run in zip(clips, runs, strict=True):
            box = tower.base_box(placed.media.height, placed.media.width)
            grids.append(clip_grid(index, placed, (side, side), run[:-1], box))
            ends.append(run[-1:])
        return VisionLayout(
            grids=tuple(sorted(grids, key=lambda grid: grid.media)),
            separators=np.concatenate([separators, *ends]),
        )


def _picture_grids(encoded: Encoded) -> tuple[list[VisionGrid], NDArray[np.int64]]:
    config, tower = encoded.config, tower_of(encoded.config)
    pictures = of_kind("image", encoded.media)
    canvases: list[Canvas | None] = [None] * len(pictures)
    if len(pictures) == 1:
        pinpoints, most = config.image_grid_pinpoints, _most_tiles(config)
        canvases = [canvas_of(tower, pinpoints, pictures[0][1], most_tiles=most)]
    tokens = [1 if canvas is None else canvas.tokens for canvas in canvases]
    lengths = [tower.side**2 + rest for rest in tokens]
    runs = cut_runs(encoded.ids, int(config.image_token_id), lengths, "image")
    grids, separators = [], [np.zeros(0, np.int64)]
    for (index, placed), canvas, run in zip(pictures, canvases, runs, strict=True):
        if canvas is None:
            own, newlines = [_padded_square(encoded, index, placed, tower, run[:-1])], run[-1:]
        else:
            own, newlines = anyres_grids(index, placed, tower, canvas, run)
        grids += own
        separators.append(newlines)
    return grids, np.concatenate(separators)


def _padded_square(
    encoded: Encoded, index: int, placed: PlacedMedia, tower: Tower, run: NDArray[np.int64]
) -> VisionGrid:
    pixels = tower.side * int(encoded.config.vision_config.patch_size)
    frame = framing(encoded.processor.image_processor, placed.media.height, placed.media.width)
    box = frame.box(pixels, pixels)
    return picture_grid(index, placed, "whole", (tower.side, tower.side), run, box)


def _most_tiles(config: Any) -> int:
    name = str(config.vision_aspect_ratio)
    number = name.removeprefix("anyres_max_")
    if not number.isdigit():
        raise ModelError(
            f"unknown tiling rule {name!r}",
            where="vision_aspect_ratio",
            remedy="use a checkpoint whose rule is anyres_max_N, such as anyres_max_9",
        )
    return int(number)
