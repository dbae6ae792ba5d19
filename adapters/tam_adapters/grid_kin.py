"""Families with Qwen-VL's grids: pictures squashed to whole cells, frames in pairs."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tam.families.adapter import Encoded
from tam.families.processor import Processor
from tam_adapters.grid_thw import GridThwAdapter

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


class MuseAdapter(GridThwAdapter):
    """Muse Glimmer and Muse Spark: the same grids; a time stamp before each cell of a clip."""

    family = "Muse"
    marked_frames = True
    resize_radius = 3

    def call_processor(self, processor: Any, options: Mapping[str, Any]) -> Any:
        """Encode a rendered prompt; the processor keeps a clip's times only when asked to."""
        clips = {"return_metadata": True} if "videos" in options else {}
        return super().call_processor(processor, {**options, **clips})

    def cell_pixels(self, config: Any, processor: Any) -> tuple[int, int]:
        """Return height and width of a vision token in pixels of the model's input."""
        side = int(config.vision_config.patch_size * config.vision_config.merge_size)
        return side, side

    def merge_size(self, encoded: Encoded) -> int:
        """Return the side in patches of the square that makes one token."""
        return int(encoded.config.vision_config.merge_size)

    def finished_logits(self, config: Any, scores: "torch.Tensor") -> "torch.Tensor":
        """Return the head's scores times ``output_multiplier``, capped."""
        return super().finished_logits(config, scores * config.text_config.output_multiplier)


class Dots3Adapter(GridThwAdapter):
    """Dots3: patches at their own shape before a decoder with experts.

    The cells of its clips have not been placed in time.
    """

    family = "Dots3"
    reads_clips = False


class VideoLlama3Adapter(GridThwAdapter):
    """VideoLLaMA 3: a SigLIP tower whose patches are merged by averaging.

    Of a clip it drops the tokens that hardly differ from those of the frame before.
    """

    family = "VideoLLaMA 3"
    reads_clips = False

    def merge_size(self, encoded: Encoded) -> int:
        """Return the side in patches of the square that makes one token of a picture."""
        return int(encoded.processor.image_processor.merge_size)

    def cell_pixels(self, config: Any, processor: Any) -> tuple[int, int]:
        """Return height and width of a vision token in pixels of the model's input."""
        side = int(config.vision_config.patch_size * processor.image_processor.merge_size)
        return side, side


class Ernie45VLAdapter(GridThwAdapter):
    """ERNIE 4.5 VL: experts of their own for vision tokens and the markers around them.

    Its video processor draws the times into the frames, which then are not the clip's own.
    """

    family = "ERNIE 4.5 VL"
    reads_clips = False
