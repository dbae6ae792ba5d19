"""Tiny random checkpoints with real processors, one builder for each family."""

from collections.abc import Callable
from pathlib import Path

from tam.families.registry import adapter_for, families, missing_types
from tests.tiny import (
    anyres,
    cosmos3_edge,
    fast_vlm,
    gemma3n,
    got_ocr2,
    grid_kin,
    grid_thw,
    hunyuan_vl,
    lfm2_vl,
    minicpmv4_6,
    molmo2,
    more_grids,
    omni,
    one_view,
    padded,
    perception_lm,
    phi4_multimodal,
    square,
    step3p7,
    tagged,
    tiled,
)
from tests.tiny_models import tiny_llava, tiny_qwen2_5_vl, tiny_qwen2_vl

_ALL: dict[str, Callable[[Path], Path]] = {
    "qwen2_vl": tiny_qwen2_vl,
    "qwen2_5_vl": tiny_qwen2_5_vl,
    "llava": tiny_llava,
    **cosmos3_edge.BUILDERS,
    **fast_vlm.BUILDERS,
    **gemma3n.BUILDERS,
    **got_ocr2.BUILDERS,
    **grid_thw.BUILDERS,
    **grid_kin.BUILDERS,
    **square.BUILDERS,
    **step3p7.BUILDERS,
    **one_view.BUILDERS,
    **anyres.BUILDERS,
    **hunyuan_vl.BUILDERS,
    **lfm2_vl.BUILDERS,
    **minicpmv4_6.BUILDERS,
    **molmo2.BUILDERS,
    **more_grids.BUILDERS,
    **omni.BUILDERS,
    **padded.BUILDERS,
    **perception_lm.BUILDERS,
    **phi4_multimodal.BUILDERS,
    **tagged.BUILDERS,
    **tiled.BUILDERS,
}

BUILDERS = {name: build for name, build in _ALL.items() if name not in missing_types()}
"""Writes a checkpoint to the given folder. Tests over all families iterate over these."""

TAKING_CLIPS = [
    name
    for name in BUILDERS
    if any(name in family.model_types and "video" in family.inputs for family in families())
    and adapter_for({"model_type": name}).takes_clips
]
"""Those of them whose families read clips, in the same order."""
