"""Layouts of vision towers whose input is a square of fixed size."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tam.errors import ModelError
from tam.families.adapter import Adapter, Encoded, PlacedMedia
from tam.geometry.layout import VisionGrid, VisionLayout
from tam_adapters.framing import Framing, framing
from tam_adapters.runs import cut_runs


@dataclass(frozen=True)
class Square:
    """How a tower divides its input into tokens.

    Parameters
    ----------
    pixels
        Side of the input in pixels.
    cell
        Side of one token in pixels of the input.
    side
        Tokens along each side. If they do not fill the input, a strip at its right and bottom has
        no tokens.
    class_tokens
        Number of tokens before them that belong to no part of the picture.
    """

    pixels: int
    cell: int
    side: int
    class_tokens: int = 0

    @property
    def length(self) -> int:
        """Number of tokens of one view, class tokens included."""
        return self.class_tokens + self.side**2


class SquareAdapter(Adapter):
    """A family that shows each picture once, in one run of tokens, and reads no clips."""

    reads_clips = False

    def square(self, config: Any) -> Square:
        """Return how the tower divides its input; by default, into its patches."""
        return patches_of(config.vision_config)

    def framing(self, encoded: Encoded, placed: PlacedMedia) -> Framing:
        """Return the part of a picture that the image processor shows."""
        media = placed.media
        return framing(encoded.processor.image_processor, media.height, media.width)

    def vision_layout(self, encoded: Encoded) -> VisionLayout:
        """Place every vision token of an encoded prompt.

        Raises
        ------
        ModelError
            If the image processor does not match the tower.
        """
        self.check(encoded.config)
        square = self.square(encoded.config)
        token = int(encoded.config.image_token_id)
        runs = cut_runs(encoded.ids, token, [square.length] * len(encoded.media), "image")
        return VisionLayout(
            grids=tuple(
                square_grid(square, index, placed, self.framing(encoded, placed), run)
                for index, (placed, run) in enumerate(zip(encoded.media, runs, strict=True))
            ),
            separators=class_positions(square, runs),
        )


def patches_of(tower: Any, *, patches_in_token: int = 1) -> Square:
    """Read how a tower divides its input into tokens from its configuration.

    Parameters
    ----------
    tower
        The vision configuration.
    patches_in_token
        How many patches along each side are merged into one token.

    Raises
    ------
    ModelError
        If pictures or patches are not square.
    """
    if not isinstance(tower.image_size, int) or not isinstance(tower.patch_size, int):
        raise ModelError(
            f"image size {tower.image_size} and patch size {tower.patch_size} are not square",
            where="vision_config",
            remedy="use a checkpoint whose tower has square pictures and patches",
        )
    cell = tower.patch_size * patches_in_token
    return Square(tower.image_size, cell, tower.image_size // cell)


def square_grid(
    square: Square,
    index: int,
    placed: PlacedMedia,
    frame: Framing,
    positions: NDArray[np.int64],
    *,
    view: str = "whole",
) -> VisionGrid:
    """Place the tokens of one view of a picture, or of every frame of a clip.

    Parameters
    ----------
    square
        How the tower divides its input into tokens.
    index
        The picture's index in the conversation.
    placed
        The picture or clip.
    frame
        The part of it that the input shows.
    positions
        int64 [frames * square.length]: positions of its tokens.
    view
        See :class:`~tam.geometry.layout.VisionGrid`.

    Raises
    ------
    ModelError
        If the image processor's output does not have the size of the tower's input.
    """
    if (frame.y.length, frame.x.length) != (square.pixels, square.pixels):
        raise ModelError(
            f"the image processor makes pictures of {frame.y.length} × {frame.x.length} pixels, "
            f"but the tower takes {square.pixels} × {square.pixels}",
            where=placed.media.name,
            remedy="use the processor and the model of the same checkpoint",
        )
    used = square.side * square.cell
    frames = len(positions) // square.length
    cells = positions.reshape(frames, square.length)[:, square.class_tokens :]
    first = np.arange(frames, dtype=np.int64)
    return VisionGrid(
        media=index,
        turn=placed.turn,
        view=view,
        shape=(frames, square.side, square.side),
        box=frame.box(used, used),
        positions=cells.ravel(),
        spans=np.stack([first, first + 1], axis=1),
    )


def class_positions(square: Square, runs: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return the positions of the class tokens within runs of whole views."""
    views = np.concatenate([np.zeros(0, np.int64), *runs]).reshape(-1, square.length)
    return views[:, : square.class_tokens].ravel()
