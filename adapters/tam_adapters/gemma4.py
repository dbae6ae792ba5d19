"""Gemma 4: pictures and frames at their own aspect ratio, 3 × 3 patches in a token."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tam.errors import ModelError
from tam.families.adapter import Adapter, Encoded
from tam.families.processor import Processor
from tam.geometry.layout import VisionGrid, VisionLayout
from tam_adapters.runs import cut_runs


class Gemma4Adapter(Adapter):
    """Places the pooled patches by the processor's ``image_position_ids``.

    The processor scales width and height separately to whole tokens, so the cells divide the whole
    picture. Each frame of a clip is a separate run of tokens that follows its time stamp.
    """

    family = "Gemma 4"
    clips_since = "5.23.0"
    notes = (
        "In Gemma 4 models that set use_bidirectional_attention to 'vision', vision tokens attend "
        "in both directions within a picture: the state of each depends on the whole picture, not "
        "only on the tokens before it.",
    )

    def positions_in_token(self, config: Any) -> int:
        """Return the number of the processor's positions along one side of a token."""
        return int(config.vision_config.pooling_kernel_size)

    def cell_pixels(self, config: Any, processor: Processor) -> tuple[int, int] | None:
        """Return the height and width of a vision token in pixels of the model's input."""
        del processor
        side = int(config.vision_config.patch_size) * int(config.vision_config.pooling_kernel_size)
        return side, side

    def vision_layout(self, encoded: Encoded) -> VisionLayout:
        """Place every vision token of an encoded prompt.

        Raises
        ------
        ModelError
            If the processor's positions do not match the media or the prompt.
        """
        grids: dict[int, VisionGrid] = {}
        for kind in ("image", "video"):
            indices = [i for i, placed in enumerate(encoded.media) if placed.media.kind == kind]
            counts = [len(encoded.media[i].media.frames) for i in indices]
            shapes = _frame_shapes(
                encoded, kind, sum(counts), self.positions_in_token(encoded.config)
            )
            token = int(getattr(encoded.config, f"{kind}_token_id"))
            runs = cut_runs(encoded.ids, token, [h * w for h, w in shapes], kind)
            last = np.cumsum(counts, dtype=np.int64)
            for index, count, end in zip(indices, counts, last, strict=True):
                frames = slice(int(end) - count, int(end))
                grids[index] = _grid(encoded, index, shapes[frames], runs[frames])
        ordered = tuple(grids[index] for index in sorted(grids))
        return VisionLayout(grids=ordered, separators=np.zeros(0, np.int64))


class Gemma4UnifiedAdapter(Gemma4Adapter):
    """Gemma 4 without a vision tower: the same pixels, one position for each token.

    The embedding of a token is a projection of its own pixels only.
    """

    family = "Gemma 4 unified"
    mixers = ()

    def positions_in_token(self, config: Any) -> int:
        """Return the number of the processor's positions along one side of a token: one."""
        del config
        return 1


def _frame_shapes(encoded: Encoded, kind: str, count: int, pooled: int) -> list[tuple[int, int]]:
    """Return (h, w) in tokens of each picture, or of each frame of each clip."""
    positions = encoded.arrays.get(f"{kind}_position_ids")
    encoded_count = 0 if positions is None else len(positions)
    if encoded_count != count:
        raise ModelError(
            f"the processor encoded {encoded_count} of {count}",
            where=f"{kind} inputs",
            remedy="give the processor as many as the prompt shows, and turn off the video "
            "processor's frame sampling (do_sample_frames=False)",
        )
    if positions is None:
        return []
    return [_shape(frame, pooled) for frame in positions]


def _shape(positions: NDArray[Any], pooled: int) -> tuple[int, int]:
    # Each row is the (x, y) of a patch, or -1 for padding.
    x, y = positions.max(axis=0)
    return (int(y) + 1) // pooled, (int(x) + 1) // pooled


def _grid(
    encoded: Encoded, index: int, shapes: list[tuple[int, int]], runs: list[NDArray[np.int64]]
) -> VisionGrid:
    placed = encoded.media[index]
    first = np.arange(len(runs), dtype=np.int64)
    return VisionGrid(
        media=index,
        turn=placed.turn,
        view="whole",
        shape=(len(runs), *shapes[0]),
        box=(0, 0, placed.media.width, placed.media.height),
        positions=np.concatenate(runs),
        spans=np.stack([first, first + 1], axis=1),
    )
