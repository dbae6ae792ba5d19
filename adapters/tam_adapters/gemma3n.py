"""Gemma 3n: one square of 16 × 16 cells, the feature map of a convolutional tower."""

from typing import Any

from tam.families.adapter import Encoded, PlacedMedia
from tam.families.processor import Processor
from tam_adapters.framing import Axis, Framing
from tam_adapters.square import Square, SquareAdapter
from tam_adapters.tiles import square_side


class Gemma3nAdapter(SquareAdapter):
    """Places the cells of the tower's feature map over the squashed picture.

    The tower is from timm and its configuration has no patch size, so the square is measured in
    cells, one for each soft token.
    """

    family = "Gemma 3n"
    convolutional = True
    notes = (
        "The vision tower is convolutional: a vision token also sees the surroundings of its cell.",
    )

    def square(self, config: Any) -> Square:
        """Return the square of tokens, with a token as the unit of length."""
        side = square_side(int(config.vision_soft_tokens_per_image), "vision_soft_tokens_per_image")
        return Square(pixels=side, cell=1, side=side)

    def framing(self, encoded: Encoded, placed: PlacedMedia) -> Framing:
        """Return the framing of a picture, in cells instead of pixels."""
        frame = super().framing(encoded, placed)
        side = self.square(encoded.config).side
        return Framing(y=_in_cells(frame.y, side), x=_in_cells(frame.x, side))

    def cell_pixels(self, config: Any, processor: Processor) -> tuple[int, int] | None:
        """Return the height and width of a vision token in pixels of the model's input."""
        size = dict(processor.image_processor.size)
        side = self.square(config).side
        return int(size["height"]) // side, int(size["width"]) // side


def _in_cells(axis: Axis, cells: int) -> Axis:
    return Axis(length=cells, start=axis.start, step=axis.step * axis.length / cells)
