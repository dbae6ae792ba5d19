"""GLM-4.1V to GLM-4.6V: clips use the placeholder of pictures, one run per temporal cell."""

from tam.errors import ModelError
from tam.families.adapter import Encoded
from tam.geometry.layout import VisionLayout
from tam_adapters.grid_thw import GridThwAdapter


class Glm4VAdapter(GridThwAdapter):
    """GLM-4V: a time stamp follows each temporal cell of a clip."""

    family = "GLM-4V"
    marked_frames = True
    video_token = "image_token_id"

    def vision_layout(self, encoded: Encoded) -> VisionLayout:
        """Place every vision token of an encoded prompt.

        Raises
        ------
        ModelError
            If pictures and clips are mixed, because the model treats all their tokens as pictures.
        """
        if len({placed.media.kind for placed in encoded.media}) > 1:
            raise ModelError(
                "GLM-4V takes either pictures or clips in one conversation, not both",
                where=", ".join(placed.media.name for placed in encoded.media),
                remedy="ask about the pictures and about the clips in two conversations",
            )
        return super().vision_layout(encoded)
