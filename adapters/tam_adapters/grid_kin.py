"""Families with Qwen-VL's grids: pictures squashed to whole cells, frames in pairs."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tam.families.processor import Processor
from tam_adapters.grid_thw import GridThwAdapter
from tam_adapters.tiles import takes_no_clips

if TYPE_CHECKING:
    import torch


class Cosmos3OmniAdapter(GridThwAdapter):
    """Cosmos 3: Qwen3-VL's tower, processor and language model. Only its text output is read."""

    family = "Cosmos 3"
    marked_frames = True


class Qwen4ExpAdapter(GridThwAdapter):
    """Qwen4-Exp: the same grids with a decoder that has several residual streams."""

    family = "Qwen4-Exp"
    marked_frames = True


class HyperClovaXAdapter(GridThwAdapter):
    """HyperCLOVA X SEED: Qwen2.5-VL's tower with another language model."""

    family = "HyperCLOVA X SEED"

    def finished_logits(self, config: Any, scores: "torch.Tensor") -> "torch.Tensor":
        """Return the head's scores times ``logits_scaling``."""
        scaled: torch.Tensor = scores * config.text_config.logits_scaling
        return scaled


class CohereCompassAdapter(GridThwAdapter):
    """North Vision: Qwen3-VL's tower with a Command language model."""

    family = "North Vision"
    marked_frames = True

    def finished_logits(self, config: Any, scores: "torch.Tensor") -> "torch.Tensor":
        """Return the head's scores times ``logit_scale``, if set."""
        scale = config.text_config.logit_scale
        return scores if scale is None else scores * scale


class Lfm3VLAdapter(GridThwAdapter):
    """LFM3-VL: pictures at their own aspect ratio; a time stamp before each cell of a clip."""

    family = "LFM3-VL"
    marked_frames = True
    # Most layers of its tower mix neighbours in the order of the patches.
    mixers = ("attention", "shortconv")


class MiniMaxM3Adapter(GridThwAdapter):
    """MiniMax-M3: the same grids with a mixture-of-experts decoder; a time stamp per cell."""

    family = "MiniMax-M3"
    marked_frames = True

    def call_processor(self, processor: Processor, options: Mapping[str, Any]) -> Any:
        """Encode a prompt, resizing clips to whole cells, which is not the processor's default.

        Raises
        ------
        ModelError
            If a clip is too short; see :class:`~tam_adapters.grid_thw.GridThwAdapter`.
        """
        return super().call_processor(processor, {**options, "do_resize": True})


class Dots3Adapter(GridThwAdapter):
    """Dots3: pictures at their own aspect ratio, with a mixture-of-experts decoder; no clips."""

    family = "Dots3"

    def call_processor(self, processor: Processor, options: Mapping[str, Any]) -> Any:
        """Encode a prompt.

        Raises
        ------
        ModelError
            If a clip is given, because how its cells map to frames has not been tested.
        """
        if options.get("videos"):
            raise takes_no_clips(self.family, "conversation")
        return super().call_processor(processor, options)
