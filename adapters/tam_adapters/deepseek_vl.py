"""DeepSeek-VL and Janus: the whole picture, padded to a square."""

from tam.families.adapter import Encoded, PlacedMedia
from tam_adapters.framing import Framing, letterbox
from tam_adapters.square import SquareAdapter


class DeepseekVLAdapter(SquareAdapter):
    """Places the patches of a SigLIP tower over a picture with margins."""

    family = "DeepSeek-VL"

    def framing(self, encoded: Encoded, placed: PlacedMedia) -> Framing:
        """The picture in the middle of the square."""
        media = placed.media
        return letterbox(encoded.processor.image_processor, media.height, media.width)


class JanusAdapter(DeepseekVLAdapter):
    """Janus: DeepSeek's square before a tower of its own; explained where it writes text."""

    family = "Janus"


class DeepseekVLHybridAdapter(DeepseekVLAdapter):
    """DeepSeek-VL on two towers: SigLIP's patches, and a map of SAM's reduced to as many cells.

    SAM's part of a token is made by convolutions and sees up to a cell around it, its middle a
    third of a cell further to the left and above.
    """

    family = "DeepSeek-VL hybrid"
    convolutional = True
    notes = ("A vision token also sees what lies around its cell, through convolutions.",)
    # Two resizes, and convolutions that reach over a cell of 16 pixels.
    resize_radius = 20
