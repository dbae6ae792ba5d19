"""Families whose grids are Qwen-VL's: pictures squashed to whole cells, frames in pairs."""

from typing import TYPE_CHECKING, Any

from tam_adapters.grid_thw import GridThwAdapter

if TYPE_CHECKING:
    import torch


class Cosmos3OmniAdapter(GridThwAdapter):
    """Cosmos 3: Qwen3-VL's tower, processor and language model; it writes, and draws nothing."""

    family = "Cosmos 3"
    marked_frames = True


class Qwen4ExpAdapter(GridThwAdapter):
    """Qwen4-Exp: the same grids before a decoder of several residual streams."""

    family = "Qwen4-Exp"
    marked_frames = True


class HyperClovaXAdapter(GridThwAdapter):
    """HyperCLOVA X SEED: Qwen2.5-VL's tower before a language model of its own."""

    family = "HyperCLOVA X SEED"

    def finished_logits(self, config: Any, scores: "torch.Tensor") -> "torch.Tensor":
        """Give the head's scores times ``logits_scaling``."""
        return scores * config.text_config.logits_scaling


class CohereCompassAdapter(GridThwAdapter):
    """North Vision: Qwen3-VL's tower before a Command model."""

    family = "North Vision"
    marked_frames = True

    def finished_logits(self, config: Any, scores: "torch.Tensor") -> "torch.Tensor":
        """Give the head's scores times ``logit_scale``."""
        scale = config.text_config.logit_scale
        return scores if scale is None else scores * scale


class Lfm3VLAdapter(GridThwAdapter):
    """LFM3-VL: patches at their own shape, with a time stamp before each cell of a clip."""

    family = "LFM3-VL"
    marked_frames = True
    # Most layers of its tower mix neighbours in the order of the patches.
    mixers = ("attention", "shortconv")
