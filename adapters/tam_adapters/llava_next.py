"""LLaVA-NeXT and LLaVA-NeXT-Video: a base view and an unpadded canvas; pooled frames."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tam.families.adapter import Adapter, Encoded, PlacedMedia
from tam.families.processor import Processor
from tam.geometry.layout import VisionGrid, VisionLayout
from tam_adapters.anyres import Tower, anyres_grids, canvas_of, tower_of
from tam_adapters.framing import framing
from tam_adapters.runs import cut_runs
from tam_adapters.tiles import clip_grid, equally_many_frames, of_kind


class LlavaNextAdapter(Adapter):
    """Places a picture's base view and then its canvas, whose rows end in new-line tokens."""

    family = "LLaVA-NeXT"
    reads_clips = False

    def check(self, config: Any) -> None:
        """Refuse towers that are not a fixed square, or with tokens other than their patches.

        Raises
        ------
        ModelError
            If the checkpoint is refused. The message says why, and what to use instead.
        """
        self.tower(config)

    def tower(self, config: Any) -> Tower:
        """Return the tower's square input and the size of its tokens."""
        return tower_of(config)

    def cell_pixels(self, config: Any, processor: Processor) -> tuple[int, int] | None:
        """Return the height and width of a vision token in pixels of the model's input."""
        del processor
        side = self.tower(config).probed
        return side, side

    def vision_layout(self, encoded: Encoded) -> VisionLayout:
        """Place every vision token of an encoded prompt.

        Raises
        ------
        ModelError
            If the prompt does not fit its pictures.
        """
        grids, separators = picture_grids(encoded, self.tower(encoded.config))
        return VisionLayout(grids=tuple(grids), separators=separators)


class LlavaNextVideoAdapter(LlavaNextAdapter):
    """Pictures as in LLaVA-NeXT; the centre of each frame of a clip, with pooled patches."""

    family = "LLaVA-NeXT-Video"
    reads_clips = True

    def call_processor(self, processor: Processor, options: Mapping[str, Any]) -> Any:
        """Encode a rendered prompt.

        Raises
        ------
        ModelError
            If the clips differ in their number of frames.
        """
        equally_many_frames(self.family, options)
        return processor(**options)

    def vision_layout(self, encoded: Encoded) -> VisionLayout:
        """Place every vision token of an encoded prompt.

        Raises
        ------
        ModelError
            If the prompt does not match its pictures and clips.
        """
        grids, separators = picture_grids(encoded, tower_of(encoded.config))
        clips = _clip_grids(encoded)
        return VisionLayout(
            grids=tuple(sorted(grids + clips, key=lambda grid: grid.media)), separators=separators
        )


def picture_grids(encoded: Encoded, tower: Tower) -> tuple[list[VisionGrid], NDArray[np.int64]]:
    """Return the grids of all pictures of a prompt, and the positions of new-line tokens."""
    config = encoded.config
    pictures = of_kind("image", encoded.media)
    canvases = [canvas_of(tower, config.image_grid_pinpoints, placed) for _, placed in pictures]
    lengths = [tower.side**2 + canvas.tokens for canvas in canvases]
    runs = cut_runs(encoded.ids, int(config.image_token_id), lengths, "image")
    grids, separators = [], [np.zeros(0, np.int64)]
    for (index, placed), canvas, run in zip(pictures, canvases, runs, strict=True):
        own_grids, newlines = anyres_grids(index, placed, tower, canvas, run)
        grids += own_grids
        separators.append(newlines)
    return grids, np.concatenate(separators)


def _clip_grids(encoded: Encoded) -> list[VisionGrid]:
    config, tower = encoded.config, tower_of(encoded.config)
    clips = of_kind("video", encoded.media)
    stride = int(config.spatial_pool_stride)
    side = tower.side // stride
    lengths = [len(placed.media.frames) * side * side for _, placed in clips]
    runs = cut_runs(encoded.ids, int(config.video_token_id), lengths, "video")
    return [
        clip_grid(index, placed, (side, side), run, _frame_box(encoded, placed, side * stride))
        for (index, placed), run in zip(clips, runs, strict=True)
    ]


def _frame_box(
    encoded: Encoded, placed: PlacedMedia, patches: int
) -> tuple[float, float, float, float]:
    pixels = patches * int(encoded.config.vision_config.patch_size)
    processor = encoded.processor.video_processor
    return framing(processor, placed.media.height, placed.media.width).box(pixels, pixels)
