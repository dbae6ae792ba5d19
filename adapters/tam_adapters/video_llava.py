"""Video-LLaVA: each frame of a clip is a square with a class token before it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tam.errors import ModelError
from tam.families.adapter import Adapter, Encoded
from tam.families.processor import Processor
from tam.geometry.layout import VisionGrid, VisionLayout
from tam_adapters.framing import framing
from tam_adapters.runs import cut_runs
from tam_adapters.square import class_positions, patches_of, square_grid


class VideoLlavaAdapter(Adapter):
    """Places the patches of two CLIP towers, one for pictures and one for clips."""

    family = "Video-LLaVA"

    def check(self, config: Any) -> None:
        """Refuse towers other than CLIP's.

        Raises
        ------
        ModelError
            If the tower is not CLIP's, so that its first token may not be a class token.
        """
        tower = config.vision_config.model_type
        if tower != "clip_vision_model":
            raise ModelError(
                f"Video-LLaVA with the vision tower {tower!r} is not supported: its first token is "
                "not known to be a class token",
                where="vision_config.model_type",
                remedy="use a checkpoint with CLIP towers, such as LanguageBind/Video-LLaVA-7B-hf",
            )

    def call_processor(self, processor: Processor, options: Mapping[str, Any]) -> Any:
        """Encode a prompt.

        Raises
        ------
        ModelError
            If clips have different numbers of frames, because the model stacks them.
        """
        counts = {len(frames) for frames in options.get("videos", ())}
        if len(counts) > 1:
            raise ModelError(
                f"Video-LLaVA takes only clips of equal length, not of {sorted(counts)} frames",
                where="clips",
                remedy="open them with the same number of frames",
            )
        return processor(**options)

    def vision_layout(self, encoded: Encoded) -> VisionLayout:
        """Place every vision token of an encoded prompt.

        Raises
        ------
        ModelError
            If the processor does not match the towers.
        """
        self.check(encoded.config)
        patches = patches_of(encoded.config.vision_config)
        kept = int(encoded.config.vision_feature_select_strategy == "full")
        # A clip's class tokens are kept under either strategy.
        squares = {
            "image": replace(patches, class_tokens=kept),
            "video": replace(patches, class_tokens=1),
        }
        grids: dict[int, VisionGrid] = {}
        separators: list[NDArray[np.int64]] = []
        for kind, square in squares.items():
            shown = [i for i, placed in enumerate(encoded.media) if placed.media.kind == kind]
            token = int(getattr(encoded.config, f"{kind}_token_id"))
            lengths = [square.length * len(encoded.media[i].media.frames) for i in shown]
            runs = cut_runs(encoded.ids, token, lengths, kind)
            separators.append(class_positions(square, runs))
            for index, run in zip(shown, runs, strict=True):
                placed = encoded.media[index]
                processor = getattr(encoded.processor, f"{kind}_processor")
                frame = framing(processor, placed.media.height, placed.media.width)
                grids[index] = square_grid(square, index, placed, frame, run)
        ordered = tuple(grids[index] for index in sorted(grids))
        return VisionLayout(grids=ordered, separators=np.concatenate(separators))
