"""LLaVA-1.5: one fixed square for each picture, cropped, padded or squashed to it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tam.adapter import Adapter, Encoded, PlacedMedia
from tam.errors import ModelError
from tam.layout import VisionGrid, VisionLayout
from tam_adapters.framing import framing
from tam_adapters.runs import cut_runs

_ARCHITECTURE = "LlavaForConditionalGeneration"
_CLASS_TOKENS = {"clip_vision_model": 1, "siglip_vision_model": 0}


class LlavaAdapter(Adapter):
    """Places the patches of a CLIP or SigLIP tower of a fixed square input.

    Which part of the picture the square shows is read from the image processor. Patches that do
    not fit wholly into the square are not made, so a strip at its right and lower edge may have no
    tokens (SigLIP at 384 pixels with patches of 14).
    """

    family = "LLaVA-1.5"

    def check(self, config: Any) -> None:
        """Refuse towers that are no fixed square, and settings under which a patch is lost.

        Raises
        ------
        ModelError
            With the reason, and what to use in its place.
        """
        written_for = getattr(config, "architectures", None) or [_ARCHITECTURE]
        if _ARCHITECTURE not in written_for:
            raise ModelError(
                f"the checkpoint was written for {', '.join(written_for)}, which names its weights "
                "in another way",
                where="architectures",
                remedy="use its conversion for transformers, such as llava-hf/llava-1.5-7b-hf",
            )
        tower = config.vision_config
        if tower.model_type not in _CLASS_TOKENS:
            raise ModelError(
                f"LLaVA on the vision tower {tower.model_type!r} is not supported yet: its input "
                "is not known to be a square of fixed size",
                where="vision_config.model_type",
                remedy="use a checkpoint on a CLIP or SigLIP tower, such as "
                "llava-hf/llava-1.5-7b-hf",
            )
        if not isinstance(tower.image_size, int) or not isinstance(tower.patch_size, int):
            raise ModelError(
                f"image size {tower.image_size} and patch size {tower.patch_size} are not square",
                where="vision_config",
                remedy="use a checkpoint whose tower takes square pictures and patches",
            )
        if config.vision_feature_select_strategy == "default" and _class_tokens(config) == 0:
            raise ModelError(
                "'default' leaves out the tower's first token, which here is a patch of the "
                "picture and no class token",
                where="vision_feature_select_strategy",
                remedy="use 'full', in the model's and in the processor's configuration",
            )

    def vision_layout(self, encoded: Encoded) -> VisionLayout:
        """Place every vision token of an encoded prompt.

        Raises
        ------
        ModelError
            If a clip is given, or the image processor does not fit the tower.
        """
        config = encoded.config
        self.check(config)
        for placed in encoded.media:
            if placed.media.kind != "image":
                raise ModelError(
                    "LLaVA-1.5 takes no clips",
                    where=placed.media.name,
                    remedy="give single pictures",
                )
        side = config.vision_config.image_size // config.vision_config.patch_size
        kept = _class_tokens(config) if config.vision_feature_select_strategy == "full" else 0
        lengths = [kept + side * side] * len(encoded.media)
        runs = cut_runs(encoded.ids, int(config.image_token_id), lengths, "image")
        separators = [run[:kept] for run in runs]
        return VisionLayout(
            grids=tuple(
                _grid(encoded, index, placed, side, run[kept:])
                for index, (placed, run) in enumerate(zip(encoded.media, runs, strict=True))
            ),
            separators=np.concatenate([np.zeros(0, np.int64), *separators]),
        )


def _grid(
    encoded: Encoded, index: int, placed: PlacedMedia, side: int, positions: NDArray[np.int64]
) -> VisionGrid:
    media, tower = placed.media, encoded.config.vision_config
    frame = framing(encoded.processor.image_processor, media.height, media.width)
    if (frame.y.length, frame.x.length) != (tower.image_size, tower.image_size):
        raise ModelError(
            f"the image processor makes pictures of {frame.y.length} × {frame.x.length} pixels, "
            f"the tower takes {tower.image_size} × {tower.image_size}",
            where=media.name,
            remedy="give processor and model of the same checkpoint",
        )
    used = side * tower.patch_size
    return VisionGrid(
        media=index,
        turn=placed.turn,
        view="whole",
        shape=(1, side, side),
        box=frame.box(used, used),
        positions=positions,
        spans=np.array([[0, 1]], dtype=np.int64),
    )


def _class_tokens(config: Any) -> int:
    return _CLASS_TOKENS[config.vision_config.model_type]
