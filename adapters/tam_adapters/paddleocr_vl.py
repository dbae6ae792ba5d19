"""PaddleOCR-VL: pictures squashed to whole cells; no clips."""

from tam.families.adapter import Encoded
from tam.geometry.layout import VisionLayout
from tam_adapters.grid_thw import GridThwAdapter
from tam_adapters.square import refuse_clips


class PaddleOcrVLAdapter(GridThwAdapter):
    """PaddleOCR-VL: Qwen2-VL's grids with a SigLIP tower."""

    family = "PaddleOCR-VL"

    def vision_layout(self, encoded: Encoded) -> VisionLayout:
        """Place every vision token of an encoded prompt.

        Raises
        ------
        ModelError
            If a clip is given, or the processor's grids do not fit the pictures or the prompt.
        """
        refuse_clips(self.family, encoded.media)
        return super().vision_layout(encoded)
