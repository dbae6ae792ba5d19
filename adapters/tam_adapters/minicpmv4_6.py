"""MiniCPM-V 4.6 and 4.7: the whole picture first, then slices whose rows end in a line break."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tam.families.adapter import Adapter, Encoded, PlacedMedia
from tam.families.processor import Processor
from tam.geometry.layout import Seams, VisionGrid, VisionLayout
from tam_adapters.tiles import (
    even_seams,
    misfit,
    of_kind,
    one_each,
    runs_after,
    stitched,
    token_runs,
    whole_box,
)

# The gap between slices of one row: only an end mark and a start mark separate them.
_WITHIN_A_ROW = 3


class MiniCPMV46Adapter(Adapter):
    """Places views by the processor's ``target_sizes``, which counts the patches of each.

    The picture is squashed to whole tokens twice: for the thumbnail and, at a larger size, for the
    slices. Frames of a clip are treated like pictures.
    """

    family = "MiniCPM-V 4.6 and 4.7"
    # Its processor packs all pictures of a prompt into one row of patches.
    batches = False

    def cell_pixels(self, config: Any, processor: Processor) -> tuple[int, int] | None:
        """Return the height and width of a vision token in pixels of the model's input."""
        patches = 2 if config.downsample_mode == "4x" else 4
        side = patches * int(processor.image_processor.patch_size)
        return side, side

    def vision_layout(self, encoded: Encoded) -> VisionLayout:
        """Place every vision token of an encoded prompt.

        Raises
        ------
        ModelError
            If the prompt does not match its pictures and clips.
        """
        pictures = of_kind("image", encoded.media)
        grids = []
        frames = _frames(encoded, "image", "target_sizes")
        one_each(frames, [placed for _, placed in pictures])
        for (index, placed), views in zip(pictures, frames, strict=True):
            grids += _grids(index, placed, [views])
        clips = of_kind("video", encoded.media)
        frames = _frames(encoded, "video", "target_sizes_videos")
        counts = [len(placed.media.frames) for _, placed in clips]
        if len(frames) != sum(counts):
            raise misfit(
                f"the prompt shows {len(frames)} of {sum(counts)} frames",
                "video inputs",
                "turn off the video processor's frame sampling (do_sample_frames=False)",
            )
        for (index, placed), count in zip(clips, counts, strict=True):
            own_frames, frames = frames[:count], frames[count:]
            grids += _grids(index, placed, own_frames)
        return VisionLayout(
            grids=tuple(sorted(grids, key=lambda grid: grid.media)),
            separators=np.zeros(0, np.int64),
        )


_View = tuple[NDArray[np.int64], tuple[int, int]]
"""Positions of a view's tokens, and their rows and columns."""


def _frames(encoded: Encoded, kind: str, name: str) -> list[list[_View]]:
    """Return the views of each picture or frame."""
    token = getattr(encoded.config, f"{kind}_token_id")
    runs = token_runs(encoded.ids, int(token)) if token is not None else []
    sizes = encoded.arrays.get(name, np.zeros((0, 2), np.int64))
    if len(sizes) != len(runs):
        raise misfit(
            f"the prompt has {len(runs)} views, the processor encoded {len(sizes)}",
            f"{kind} inputs",
        )
    shapes = [
        _token_grid(int(h), int(w), run.size) for (h, w), run in zip(sizes, runs, strict=True)
    ]
    start = encoded.processor.tokenizer.convert_tokens_to_ids(encoded.processor.image_start_token)
    groups = [group for group in runs_after(encoded.ids, int(start), runs) if group]
    remaining = iter(shapes)
    return [[(run, next(remaining)) for run in group] for group in groups]


def _token_grid(patch_rows: int, patch_columns: int, tokens: int) -> tuple[int, int]:
    """Return rows and columns of tokens, each of 2 × 2 patches, or 4 × 4 if merged twice."""
    for merge in (2, 4):
        rows, columns = patch_rows // merge, patch_columns // merge
        if rows * columns == tokens:
            return rows, columns
    raise misfit(f"{patch_rows} × {patch_columns} patches became {tokens} tokens")


def _grids(index: int, placed: PlacedMedia, frames: list[list[_View]]) -> list[VisionGrid]:
    """Return the grids of a picture, or of a clip whose frames are all sliced in the same way."""
    first = frames[0]
    if any([shape for _, shape in views] != [shape for _, shape in first] for views in frames):
        raise misfit("its frames are not all sliced in the same way", placed.media.name)
    whole = [views[0][0] for views in frames]
    name = "whole" if len(first) == 1 else "thumbnail"
    grids = [_over_frames(index, placed, name, first[0][1], whole)]
    if len(first) > 1:
        slices = [[run for run, _ in views[1:]] for views in frames]
        gaps = [
            after[0] - before[-1] for before, after in zip(slices[0], slices[0][1:], strict=False)
        ]
        rows = 1 + sum(gap > _WITHIN_A_ROW for gap in gaps)
        columns, rest = divmod(len(slices[0]), rows)
        shapes = {shape for _, shape in first[1:]}
        if rest or len(shapes) != 1:
            raise misfit(f"its {len(slices[0])} slices do not fill {rows} rows", placed.media.name)
        cells = shapes.pop()
        canvases = [stitched(np.concatenate(runs), (rows, columns), cells) for runs in slices]
        shape = (rows * cells[0], columns * cells[1])
        seams = even_seams(whole_box(placed), (rows, columns))
        grids.append(_over_frames(index, placed, "tiles", shape, canvases, seams))
    return grids


def _over_frames(
    index: int,
    placed: PlacedMedia,
    view: str,
    shape: tuple[int, int],
    frames: list[NDArray[np.int64]],
    seams: Seams = ((), ()),
) -> VisionGrid:
    first = np.arange(len(frames), dtype=np.int64)
    return VisionGrid(
        media=index,
        turn=placed.turn,
        view=view,
        shape=(len(frames), *shape),
        box=whole_box(placed),
        positions=np.concatenate(frames),
        spans=np.stack([first, first + 1], axis=1),
        seams=seams,
    )
