"""EXAONE 4.5: Qwen2.5-VL's pictures and clips with another text decoder."""

from tam_adapters.grid_thw import GridThwAdapter


class Exaone45Adapter(GridThwAdapter):
    """EXAONE 4.5: a clip's temporal cells form one run of tokens, without markers."""

    family = "EXAONE 4.5"
