"""HunyuanOCR: the whole picture once, each row of tokens followed by a newline."""

import numpy as np

from tam.families.adapter import Adapter, Encoded
from tam.geometry.layout import VisionLayout
from tam_adapters.runs import cut_runs
from tam_adapters.tiles import misfit, picture_grid


class HunyuanVLAdapter(Adapter):
    """Places the tokens of a picture that was squashed to whole tokens.

    Some of the picture's placeholders are markers that belong to no part of it: the beginning, the
    end, and a newline after each row.
    """

    family = "HunyuanOCR"
    reads_clips = False
    # Its position ids count pictures over all prompts of a batch, not within each prompt.
    batches = False
    tower_added = ("image_begin", "image_end", "image_sep")

    def vision_layout(self, encoded: Encoded) -> VisionLayout:
        """Place every vision token of an encoded prompt.

        Raises
        ------
        ModelError
            If the processor's grids do not match the pictures or the prompt.
        """
        rows = encoded.arrays.get("image_grid_thw", np.zeros((0, 3), np.int64))
        if len(rows) != len(encoded.media):
            raise misfit(f"the processor encoded {len(rows)} of {len(encoded.media)} pictures")
        merge = int(encoded.config.vision_config.spatial_merge_size)
        shapes = [(int(h) // merge, int(w) // merge) for _, h, w in rows]
        lengths = [h * (w + 1) + 2 for h, w in shapes]
        runs = cut_runs(encoded.ids, int(encoded.config.image_token_id), lengths, "image")
        grids, separators = [], [np.zeros(0, np.int64)]
        for index, (placed, (h, w), run) in enumerate(
            zip(encoded.media, shapes, runs, strict=True)
        ):
            table = run[1:-1].reshape(h, w + 1)
            grids.append(picture_grid(index, placed, "whole", (h, w), table[:, :-1].ravel()))
            separators += [run[:1], table[:, -1], run[-1:]]
        return VisionLayout(grids=tuple(grids), separators=np.concatenate(separators))
