"""Families whose processor returns patch counts (t, h, w): one grid over the whole picture."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tam.errors import ModelError
from tam.families.adapter import Adapter, Encoded, PlacedMedia
from tam.families.processor import Processor
from tam.geometry.layout import VisionGrid, VisionLayout
from tam_adapters.runs import cut_runs


class GridThwAdapter(Adapter):
    """Places vision tokens by the processor's ``image_grid_thw`` and ``video_grid_thw``.

    The processor resizes width and height separately to whole cells, so the cells divide the
    whole picture. The grids count patches; ``spatial_merge_size`` squared of them make one token.

    Attributes
    ----------
    marked_frames
        Whether other tokens (a time stamp) separate a clip's temporal cells.
    video_token
        The configuration key of the placeholder of a clip.
    """

    marked_frames: bool = False
    video_token: str = "video_token_id"

    def call_processor(self, processor: Processor, options: Mapping[str, Any]) -> Any:
        """Encode a prompt.

        Raises
        ------
        ModelError
            If a clip has fewer frames than a temporal cell and the processor does not repeat them.
        """
        if self.marked_frames:
            needed = int(getattr(processor.video_processor, "temporal_patch_size", 1))
            for number, frames in enumerate(options.get("videos", ())):
                if len(frames) < needed:
                    raise ModelError(
                        f"{self.family} takes no clip of fewer than {needed} frames",
                        where=f"clip {number + 1}",
                        remedy="give more frames, or the frame as a picture",
                    )
        return processor(**options)

    def vision_layout(self, encoded: Encoded) -> VisionLayout:
        """Place every vision token of an encoded prompt.

        Raises
        ------
        ModelError
            If the processor's grids do not match the pictures or the prompt.
        """
        shapes = _token_grids(encoded, self.merge_size(encoded))
        names = {"image": "image_token_id", "video": self.video_token}
        ids = {kind: int(getattr(encoded.config, name)) for kind, name in names.items()}
        positions: dict[int, NDArray[np.int64]] = {}
        for kind in ("image", "video") if ids["image"] != ids["video"] else ("image",):
            shown = [
                i for i, placed in enumerate(encoded.media) if ids[placed.media.kind] == ids[kind]
            ]
            pieces = [self._pieces(encoded.media[i], shapes[i]) for i in shown]
            lengths = [length for piece in pieces for length in piece]
            runs = iter(cut_runs(encoded.ids, ids[kind], lengths, kind))
            for index, piece in zip(shown, pieces, strict=True):
                positions[index] = np.concatenate([next(runs) for _ in piece])
        return VisionLayout(
            grids=tuple(
                _grid(encoded, index, shape, positions[index]) for index, shape in enumerate(shapes)
            ),
            separators=np.zeros(0, np.int64),
        )

    def merge_size(self, encoded: Encoded) -> int:
        """Return the side in patches of the square that makes one token."""
        return int(encoded.config.vision_config.spatial_merge_size)

    def _pieces(self, placed: PlacedMedia, shape: tuple[int, int, int]) -> list[int]:
        """Return the lengths of the contiguous runs of one picture or clip."""
        t, h, w = shape
        marked = placed.media.kind == "video" and self.marked_frames
        return [h * w] * t if marked else [t * h * w]


def _grid(
    encoded: Encoded, index: int, shape: tuple[int, int, int], positions: NDArray[np.int64]
) -> VisionGrid:
    placed = encoded.media[index]
    return VisionGrid(
        media=index,
        turn=placed.turn,
        view="whole",
        shape=shape,
        box=(0, 0, placed.media.width, placed.media.height),
        positions=positions,
        spans=_spans(placed, shape[0], encoded),
    )


def _token_grids(encoded: Encoded, merge: int) -> list[tuple[int, int, int]]:
    """Return (t, h, w) in tokens of each picture and clip, in the order of the prompt."""
    kinds = [placed.media.kind for placed in encoded.media]
    rows = {kind: _rows(encoded, kind, kinds.count(kind)) for kind in ("image", "video")}
    remaining = {kind: iter(grids) for kind, grids in rows.items()}
    shapes = []
    for kind in kinds:
        t, h, w = next(remaining[kind])
        shapes.append((int(t), int(h) // merge, int(w) // merge))
    return shapes


def _rows(encoded: Encoded, kind: str, count: int) -> NDArray[np.int64]:
    rows = encoded.arrays.get(f"{kind}_grid_thw")
    rows = np.zeros((0, 3), np.int64) if rows is None else rows
    if len(rows) != count:
        raise ModelError(
            f"the processor encoded {len(rows)} of {count}",
            where=f"{kind} inputs",
            remedy="give the processor as many as the prompt shows",
        )
    return rows


def _spans(placed: PlacedMedia, cells: int, encoded: Encoded) -> NDArray[np.int64]:
    frames = len(placed.media.frames)
    if placed.media.kind == "image":
        step, last = 1, 1
    else:
        # An odd last frame is repeated to fill its cell, so the cell covers only that frame.
        # A tower that reads single frames has no temporal patch size; its processor does.
        known = getattr(encoded.config.vision_config, "temporal_patch_size", None)
        step = int(known or encoded.processor.video_processor.temporal_patch_size)
        last = frames
    first = np.arange(cells, dtype=np.int64) * step
    if -(-last // step) != cells:
        raise ModelError(
            f"{frames} frames became {cells} temporal cells of {step} frames",
            where=placed.media.name,
            remedy="turn off the video processor's frame sampling (do_sample_frames=False)",
        )
    return np.stack([first, np.minimum(first + step, last)], axis=1)
