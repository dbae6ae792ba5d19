"""PerceptionLM: a thumbnail, then tiles, in one run of tokens; frames are not tiled."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tam.errors import ModelError
from tam.families.adapter import Adapter, Encoded
from tam.families.processor import Processor
from tam.geometry.layout import VisionGrid, VisionLayout
from tam_adapters.runs import cut_runs
from tam_adapters.tiles import clip_grid, equally_many_frames, of_kind, tiled_grids


class PerceptionLMAdapter(Adapter):
    """Places a picture's thumbnail, and then the tiles that it was squashed to.

    Nothing in the prompt gives the arrangement of the tiles. The image processor's own rules
    compute it from the picture's size. Each frame of a clip is squashed to one tile.
    """

    family = "PerceptionLM"

    def call_processor(self, processor: Processor, options: Mapping[str, Any]) -> Any:
        """Encode a rendered prompt.

        Raises
        ------
        ModelError
            If the clips differ in their number of frames, or the pictures in that of tiles.
        """
        equally_many_frames(self.family, options)
        sizes = [picture.shape[:2] for picture in options.get("images", ())]
        views = [_views(_arrangement(processor.image_processor, *size)) for size in sizes]
        if len(set(views)) > 1:
            raise ModelError(
                f"{self.family} takes several pictures only if they are cut into equally many "
                f"views, not {views}",
                where="conversation",
                remedy="give pictures of the same size",
            )
        return processor(**options)

    def cell_pixels(self, config: Any, processor: Processor) -> tuple[int, int] | None:
        """Return the height and width of a vision token in pixels of the model's input."""
        del config
        side = int(processor.patch_size) * int(processor.pooling_ratio)
        return side, side

    def vision_layout(self, encoded: Encoded) -> VisionLayout:
        """Place every vision token of an encoded prompt.

        Raises
        ------
        ModelError
            If the prompt does not match its pictures and clips.
        """
        grids = _picture_grids(encoded) + _clip_grids(encoded)
        return VisionLayout(
            grids=tuple(sorted(grids, key=lambda grid: grid.media)),
            separators=np.zeros(0, np.int64),
        )


def _picture_grids(encoded: Encoded) -> list[VisionGrid]:
    image_processor = encoded.processor.image_processor
    tokens = _side(encoded.processor, int(image_processor.tile_size)) ** 2
    pictures = of_kind("image", encoded.media)
    arrangements = [
        _arrangement(image_processor, placed.media.height, placed.media.width)
        for _, placed in pictures
    ]
    lengths = [_views(arrangement) * tokens for arrangement in arrangements]
    runs = cut_runs(encoded.ids, int(encoded.config.image_token_id), lengths, "image")
    grids: list[VisionGrid] = []
    for (index, placed), arrangement, run in zip(pictures, arrangements, runs, strict=True):
        views = run.reshape(-1, tokens)
        grids += tiled_grids(index, placed, views, arrangement, thumbnail_first=True)
    return grids


def _clip_grids(encoded: Encoded) -> list[VisionGrid]:
    clips = of_kind("video", encoded.media)
    if not clips:
        return []
    side = _side(encoded.processor, int(encoded.processor.video_processor.size["height"]))
    lengths = [len(placed.media.frames) * side * side for _, placed in clips]
    runs = cut_runs(encoded.ids, int(encoded.config.video_token_id), lengths, "video")
    return [
        clip_grid(index, placed, (side, side), run)
        for (index, placed), run in zip(clips, runs, strict=True)
    ]


def _side(processor: Processor, pixels: int) -> int:
    """Return the number of tokens along the side of a view."""
    return pixels // int(processor.patch_size) // int(processor.pooling_ratio)


def _arrangement(image_processor: Any, height: int, width: int) -> tuple[int, int]:
    """Return the rows and columns of tiles; (0, 0) if only the thumbnail is shown."""
    if image_processor.vision_input_type != "thumb+tile":
        return 0, 0
    if image_processor.max_num_tiles == 1:
        return 1, 1
    size = {
        "img_width": width,
        "img_height": height,
        "tile_size": image_processor.tile_size,
    }
    fitting = image_processor._fit_image_to_canvas(**size)
    columns, rows = fitting or image_processor._find_closest_aspect_ratio(**size)
    return int(rows), int(columns)


def _views(arrangement: tuple[int, int]) -> int:
    return arrangement[0] * arrangement[1] + 1
