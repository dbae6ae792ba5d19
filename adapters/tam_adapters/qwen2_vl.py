"""Qwen2-VL and Qwen2.5-VL: pictures squashed to whole cells, two frames in a temporal cell."""

from tam_adapters.grid_thw import GridThwAdapter


class Qwen2VLAdapter(GridThwAdapter):
    """Qwen2-VL: a clip's temporal cells form one run of tokens, without markers."""

    family = "Qwen2-VL"


class Qwen25VLAdapter(GridThwAdapter):
    """Qwen2.5-VL: the same grids with another vision tower."""

    family = "Qwen2.5-VL"
