"""Qwen2-VL and Qwen2.5-VL: pictures squashed to whole cells, two frames in a temporal cell."""

import numpy as np
from numpy.typing import NDArray

from tam.adapter import Adapter, Encoded, PlacedMedia
from tam.errors import ModelError
from tam.layout import VisionGrid, VisionLayout
from tam_adapters.runs import cut_runs


class Qwen2VLAdapter(Adapter):
    """Places vision tokens by the processor's ``image_grid_thw`` and ``video_grid_thw``.

    The processor resizes width and height separately to whole cells, so the cells divide the
    whole picture. Each row of a grid counts patches; ``spatial_merge_size`` squared of them make
    one token.
    """

    family = "Qwen2-VL"

    def vision_layout(self, encoded: Encoded) -> VisionLayout:
        """Place every vision token of an encoded prompt.

        Raises
        ------
        ModelError
            If the processor's grids do not fit the pictures or the prompt.
        """
        grids: dict[int, VisionGrid] = {}
        for kind in ("image", "video"):
            indices = [i for i, placed in enumerate(encoded.media) if placed.media.kind == kind]
            shapes = _token_grids(encoded, kind, len(indices))
            token_id = int(getattr(encoded.config, f"{kind}_token_id"))
            lengths = [t * h * w for t, h, w in shapes]
            runs = cut_runs(encoded.ids, token_id, lengths, kind)
            for index, shape, positions in zip(indices, shapes, runs, strict=True):
                placed = encoded.media[index]
                grids[index] = VisionGrid(
                    media=index,
                    turn=placed.turn,
                    view="whole",
                    shape=shape,
                    box=(0, 0, placed.media.width, placed.media.height),
                    positions=positions,
                    spans=_spans(placed, shape[0], encoded),
                )
        ordered = tuple(grids[index] for index in sorted(grids))
        return VisionLayout(grids=ordered, separators=np.zeros(0, np.int64))


class Qwen25VLAdapter(Qwen2VLAdapter):
    """Qwen2.5-VL: another vision tower behind the same grids."""

    family = "Qwen2.5-VL"


def _token_grids(encoded: Encoded, kind: str, count: int) -> list[tuple[int, int, int]]:
    merge = int(encoded.config.vision_config.spatial_merge_size)
    rows = encoded.arrays.get(f"{kind}_grid_thw")
    rows = np.zeros((0, 3), np.int64) if rows is None else rows
    if len(rows) != count:
        raise ModelError(
            f"the processor encoded {len(rows)} of {count}",
            where=f"{kind} inputs",
            remedy="give as many to the processor as the prompt shows",
        )
    return [(int(t), int(h) // merge, int(w) // merge) for t, h, w in rows]


def _spans(placed: PlacedMedia, cells: int, encoded: Encoded) -> NDArray[np.int64]:
    frames = len(placed.media.frames)
    if placed.media.kind == "image":
        step, last = 1, 1
    else:
        # An odd last frame is repeated to fill its cell: the cell then covers that frame alone.
        step, last = int(encoded.config.vision_config.temporal_patch_size), frames
    first = np.arange(cells, dtype=np.int64) * step
    if -(-last // step) != cells:
        raise ModelError(
            f"{frames} frames became {cells} temporal cells of {step} frames",
            where=placed.media.name,
            remedy="turn the video processor's own sampling off (do_sample_frames=False)",
        )
    return np.stack([first, np.minimum(first + step, last)], axis=1)
