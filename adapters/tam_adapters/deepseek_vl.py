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
