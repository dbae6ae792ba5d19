"""Qwen3-VL and Qwen3.5, dense and with experts: a time stamp before each cell of a clip."""

from tam_adapters.grid_thw import GridThwAdapter


class Qwen3VLAdapter(GridThwAdapter):
    """Qwen3-VL: features of the tower's middle layers are added to the same tokens further up."""

    family = "Qwen3-VL"
    marked_frames = True


class Qwen35Adapter(GridThwAdapter):
    """Qwen3.5: the same grids before a text decoder of which most layers attend linearly."""

    family = "Qwen3.5"
    marked_frames = True
