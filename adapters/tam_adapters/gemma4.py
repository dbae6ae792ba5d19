"""Gemma 4: pictures and frames at a size of their own, three by three patches in a token."""

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

    It scales width and height separately to whole tokens, so the cells divide the whole picture.
    Every frame of a clip stands in a run of its own, behind its time.
    """

    family = "Gemma 4"
    notes = (
        "In Gemma 4 models that set use_bidirectional_attention to 'vision', vision tokens attend "
        "both ways within a picture: the state of each depends on the whole picture, not only on "
        "what stands before it.",
    )

    def positions_in_token(self, config: Any) -> int:
        """The number of the processor's positions along one side of a token."""
        return int(config.vision_config.pooling_kernel_size)

    def cell_pixels(self, config: Any, processor: Processor) -> tuple[int, int] | None:
        """Give height and width of a vision token in pixels of the model's input."""
        del processor
        side = int(config.vision_config.patch_size) * int(config.vision_config.pooling_kernel_size)
        return side, side

    def vision_layout(self, encoded: Encoded) -> VisionLayout:
        """Place every vision token of an encoded prompt.

        Raises
        ------
        ModelError
            If the processor's positions do not fit the media or the prompt.
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

    A token's feature is a projection of its own pixels alone.
    """

    family = "Gemma 4 unified"
    mixers = ()

    def positions_in_token(self, config: Any) -> int:
        """The number of the processor's positions along one side of a token, which is one."""
        del config
        return 1


def _frame_shapes(encoded: Encoded, kind: str, count: int, pooled: int) -> list[tuple[int, int]]:
    """(h, w) in tokens of each picture, or of each frame of each clip."""
    places = encoded.arrays.get(f"{kind}_position_ids")
    found = 0 if places is None else len(places)
    if found != count:
        raise ModelError(
            f"the processor encoded {found} of {count}",
            where=f"{kind} inputs",
            remedy="give as many to the processor as the prompt shows, and turn the video "
            "processor's own sampling off (do_sample_frames=False)",
        )
    if places is None:
        return []
    return [_shape(frame, pooled) for frame in places]


def _shape(places: NDArray[Any], pooled: int) -> tuple[int, int]:
    # (x, y) of each patch; -1 in rows of padding.
    x, y = places.max(axis=0)
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
