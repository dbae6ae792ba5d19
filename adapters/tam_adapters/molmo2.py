"""Molmo2: the whole picture, then a finer grid of it; frames of a clip are pooled."""

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tam.errors import ModelError
from tam.families.adapter import Adapter, Encoded, PlacedMedia
from tam.families.processor import Processor
from tam.geometry.layout import Box, VisionGrid, VisionLayout
from tam_adapters.tiles import clip_grid, misfit, picture_grid


class Molmo2Adapter(Adapter):
    """Places both views by the processor's ``image_grids``, the frames by its ``video_grids``.

    Both views squash the picture. The finer one is cut into overlapping crops, from which the
    processor keeps each patch once, so that its tokens form one grid. Where the patches do not fill
    the last pooling window, cells extend beyond the picture.
    """

    family = "Molmo2"
    # Its patch indices for pooling run on over the pictures of a batch.
    batches = False
    notes = (
        "Vision tokens attend to each other in both directions, so the state of each also depends "
        "on the vision tokens after it.",
    )

    def call_processor(self, processor: Processor, options: Mapping[str, Any]) -> Any:
        """Encode a rendered prompt, with offsets corrected for a first token that is prepended.

        Raises
        ------
        ModelError
            If there are several clips, or both a clip and pictures.
        """
        clips = len(options.get("videos", ()))
        if clips > 1 or (clips and "images" in options):
            raise ModelError(
                "Molmo2 takes either one clip or pictures",
                where="conversation",
                remedy="ask about them in separate conversations",
            )
        outputs = processor(**options)
        first = processor.tokenizer.bos_token or processor.tokenizer.eos_token or ""
        if not options["text"][0].startswith(first):
            offsets = np.asarray(outputs["offset_mapping"]) - len(first)
            outputs["offset_mapping"] = np.maximum(offsets, 0)
            outputs["text_replacement_offsets"] = [
                [_moved_back(replaced, len(first)) for replaced in text]
                for text in outputs.get("text_replacement_offsets") or []
            ]
        return outputs

    def cell_pixels(self, config: Any, processor: Processor) -> tuple[int, int] | None:
        """Return the height and width of a vision token in pixels of the model's input."""
        del config
        height, width = processor.image_processor.pooling_size
        patch = int(processor.image_processor.patch_size)
        return height * patch, width * patch

    def vision_layout(self, encoded: Encoded) -> VisionLayout:
        """Place every vision token of an encoded prompt.

        Raises
        ------
        ModelError
            If the prompt does not match its pictures and clips.
        """
        rest = np.flatnonzero(encoded.ids == int(encoded.config.image_token_id)).astype(np.int64)
        rows = {
            "image": iter(encoded.arrays.get("image_grids", np.zeros((0, 4), np.int64)).tolist()),
            "video": iter(encoded.arrays.get("video_grids", np.zeros((0, 3), np.int64)).tolist()),
        }
        grids: list[VisionGrid] = []
        for index, placed in enumerate(encoded.media):
            row = next(rows[placed.media.kind], None)
            if row is None:
                raise misfit("the processor did not encode it", placed.media.name)
            count = int(np.prod(row)) if len(row) == 3 else row[0] * row[1] + row[2] * row[3]
            positions, rest = rest[:count], rest[count:]
            if positions.size != count:
                raise misfit(f"it has only {positions.size} of {count} tokens", placed.media.name)
            if placed.media.kind == "image":
                grids += _picture_grids(encoded, index, placed, row, positions)
            else:
                box = _frame_box(encoded.processor.video_processor, placed, row[1:])
                grids.append(clip_grid(index, placed, (row[1], row[2]), positions, box))
        if rest.size:
            raise misfit(f"the prompt has {rest.size} image tokens too many")
        return VisionLayout(grids=tuple(grids), separators=np.zeros(0, np.int64))


def _moved_back(replaced: dict[str, Any], by: int) -> dict[str, Any]:
    spans = {name: tuple(place - by for place in replaced[name]) for name in ("span", "new_span")}
    return {**replaced, **spans}


def _picture_grids(
    encoded: Encoded,
    index: int,
    placed: PlacedMedia,
    row: list[int],
    positions: NDArray[np.int64],
) -> list[VisionGrid]:
    processor, media = encoded.processor.image_processor, placed.media
    side, patch = int(processor.size["height"]), int(processor.patch_size)
    rows, columns, height, width = sys.modules[type(processor).__module__].compute_crop_geometry(
        media.height,
        media.width,
        max_crops=processor.max_crops,
        overlap_margins=processor.overlap_margins,
        crop_size=side,
        patch_size=patch,
    )
    coarse, fine = (row[0], row[1]), (row[2], row[3])
    first, second = positions[: coarse[0] * coarse[1]], positions[coarse[0] * coarse[1] :]
    pooling = processor.pooling_size
    boxes = [
        _pooled_box(placed, (patches // patch, others // patch), pooling, shape)
        for patches, others, shape in ((side, side, coarse), (height, width, fine))
    ]
    # Crops overlap. The seam lies where the tokens change from one crop to the next.
    left, right = (margin * patch for margin in processor.overlap_margins)
    window = side - left - right
    seams = (
        tuple((left + i * window) * media.width / width for i in range(1, columns)),
        tuple((left + i * window) * media.height / height for i in range(1, rows)),
    )
    return [
        picture_grid(index, placed, "thumbnail", coarse, first, boxes[0]),
        picture_grid(index, placed, "tiles", fine, second, boxes[1], seams),
    ]


def _frame_box(processor: Processor, placed: PlacedMedia, shape: list[int]) -> Box:
    patches = int(processor.size["height"]) // int(processor.patch_size)
    return _pooled_box(placed, (patches, patches), processor.pooling_size, (shape[0], shape[1]))


def _pooled_box(
    placed: PlacedMedia, patches: tuple[int, int], pooling: list[int], shape: tuple[int, int]
) -> Box:
    """Return the region that pooling windows cover.

    Missing patches are padding: half of them, rounded down, at the top and left, the rest at the
    bottom and right.
    """
    spare_rows = shape[0] * pooling[0] - patches[0]
    spare_columns = shape[1] * pooling[1] - patches[1]
    y, x = placed.media.height / patches[0], placed.media.width / patches[1]
    top, left = spare_rows // 2, spare_columns // 2
    return (
        -left * x,
        -top * y,
        (patches[1] + spare_columns - left) * x,
        (patches[0] + spare_rows - top) * y,
    )
