"""Qwen2.5-Omni and Qwen3-Omni: the thinker, which sees, listens and writes, not the talker."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from tam.families.processor import Processor
from tam_adapters.grid_thw import GridThwAdapter


class Qwen25OmniAdapter(GridThwAdapter):
    """Qwen2.5-Omni: Qwen2.5-VL's grids; a clip's temporal cells form one run of tokens.

    Of a model that also speaks, only the thinker is loaded, because its words are explained. A clip
    is shown without its sound.
    """

    family = "Qwen2.5-Omni"

    def explained(self, config: Any) -> Any:
        """Return the thinker's configuration."""
        return getattr(config, "thinker_config", config)

    def call_processor(self, processor: Processor, options: Mapping[str, Any]) -> Any:
        """Encode a prompt with each clip's own frame rate; the processor assumes 2 per second.

        Raises
        ------
        ModelError
            If a clip is too short; see :class:`~tam_adapters.grid_thw.GridThwAdapter`.
        """
        import torch

        outputs = super().call_processor(processor, options)
        clips = options.get("video_metadata", ())
        if clips:
            frames = int(processor.video_processor.temporal_patch_size)
            steps = [_step(clip) for clip in clips]
            outputs["video_second_per_grid"] = torch.tensor([frames * step for step in steps])
        return outputs


def _step(clip: Mapping[str, Any]) -> float:
    """Return the median time between consecutive frames of a clip, in seconds."""
    frames = clip["frames_indices"]
    gaps = sorted(later - earlier for earlier, later in pairwise(frames)) or [1]
    return float(gaps[len(gaps) // 2] / clip["fps"])


class Qwen3OmniAdapter(Qwen25OmniAdapter):
    """Qwen3-Omni: the same with a mixture-of-experts decoder and Qwen3-VL's vision tower."""

    family = "Qwen3-Omni"
