"""EXAONE 4.5: Qwen2.5-VL's pictures and clips before a text decoder of its own."""

from tam_adapters.grid_thw import GridThwAdapter


class Exaone45Adapter(GridThwAdapter):
    """EXAONE 4.5: a clip's temporal cells stand in one run, without markers."""

    family = "EXAONE 4.5"
