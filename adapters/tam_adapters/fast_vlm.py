"""FastVLM: a convolutional tower from timm, one token for each cell of its last feature map."""

from typing import Any

import numpy as np

from tam.errors import ModelError
from tam.families.adapter import Adapter, Encoded
from tam.families.processor import Processor
from tam.geometry.layout import VisionLayout
from tam_adapters.framing import framing
from tam_adapters.runs import cut_runs
from tam_adapters.square import Square, square_grid


class FastVlmAdapter(Adapter):
    """Places the cells of the tower's last feature map.

    The configuration does not give the tower's stride. The processor does, since it writes one
    placeholder per token: its ``patch_size`` is a cell's side in pixels of the input. The tower is
    convolutional, so a token also sees the surroundings of its cell.
    """

    family = "FastVLM"
    reads_clips = False
    convolutional = True
    notes = ("The tower is convolutional: a vision token also sees the surroundings of its cell.",)

    def check(self, config: Any) -> None:
        """Refuse towers that are not from timm.

        Raises
        ------
        ModelError
            If the checkpoint is refused. The message says why, and what to use instead.
        """
        tower = config.vision_config
        if tower.model_type != "timm_wrapper":
            raise ModelError(
                f"FastVLM with the vision tower {tower.model_type!r} is not supported yet: the "
                "positions of its features in the picture are not known",
                where="vision_config.model_type",
                remedy="use a checkpoint with a tower from timm",
            )

    def vision_layout(self, encoded: Encoded) -> VisionLayout:
        """Place every vision token of an encoded prompt.

        Raises
        ------
        ModelError
            If the image processor does not make squares.
        """
        self.check(encoded.config)
        cell = int(encoded.processor.patch_size)
        images = encoded.processor.image_processor
        frames = [framing(images, p.media.height, p.media.width) for p in encoded.media]
        squares = [Square(frame.y.length, cell, frame.y.length // cell) for frame in frames]
        token = int(encoded.config.image_token_id)
        runs = cut_runs(encoded.ids, token, [square.length for square in squares], "image")
        return VisionLayout(
            grids=tuple(
                square_grid(square, index, encoded.media[index], frames[index], run)
                for index, (square, run) in enumerate(zip(squares, runs, strict=True))
            ),
            separators=np.zeros(0, np.int64),
        )

    def cell_pixels(self, config: Any, processor: Processor) -> tuple[int, int] | None:
        """Return the height and width of a cell in pixels of the model's input."""
        del config
        return int(processor.patch_size), int(processor.patch_size)
