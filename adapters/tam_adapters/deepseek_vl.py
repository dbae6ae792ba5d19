"""DeepSeek-VL and Janus: the whole picture, padded to a square."""

from tam.families.adapter import Encoded, PlacedMedia
from tam_adapters.framing import Framing, letterbox
from tam_adapters.square import SquareAdapter


class DeepseekVLAdapter(SquareAdapter):
    """Places the patches of a SigLIP tower over a picture with margins."""

    family = "DeepSeek-VL"

    def framing(self, encoded: Encoded, placed: PlacedMedia) -> Framing:
        """Return the framing of a picture centred in the square."""
        media = placed.media
        return letterbox(encoded.processor.image_processor, media.height, media.width)


class JanusAdapter(DeepseekVLAdapter):
    """Janus: DeepSeek-VL's padded square with another tower. Its text output is explained."""

    family = "Janus"


class DeepseekVLHybridAdapter(DeepseekVLAdapter):
    """DeepSeek-VL with two towers: SigLIP's patches, and SAM's features reduced to the same grid.

    SAM's part of a token comes from convolutions. It sees up to one cell around the token's own,
    and its centre lies a third of a cell to the left of the token's and above it.
    """

    family = "DeepSeek-VL hybrid"
    convolutional = True
    notes = ("Through convolutions, a vision token also sees the surroundings of its cell.",)
    # Two resizes, and convolutions that reach over a cell of 16 pixels.
    resize_radius = 20
