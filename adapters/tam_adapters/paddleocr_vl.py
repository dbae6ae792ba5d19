"""PaddleOCR-VL: pictures squashed to whole cells; no clips."""

from tam_adapters.grid_thw import GridThwAdapter


class PaddleOcrVLAdapter(GridThwAdapter):
    """PaddleOCR-VL: Qwen2-VL's grids with a SigLIP tower."""

    family = "PaddleOCR-VL"
    reads_clips = False
