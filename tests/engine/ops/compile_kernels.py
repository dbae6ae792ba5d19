"""Compile every kernel for an H100, without needing one, and print its resources as JSON."""

import json
import re
import subprocess
import tempfile
from pathlib import Path

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from tam.engine.ops.causal_residual import triton as causal_residual
from tam.engine.ops.joint_scaling import triton as joint_scaling
from tam.engine.ops.projection import triton as projection
from tam.engine.ops.rank_filter import triton as rank_filter

CUOBJDUMP = Path(triton.__file__).parent / "backends/nvidia/bin/cuobjdump"
STEPS = (
    "step",
    "state_step",
    "head_step",
    "context_step",
    "target_step",
    "text_step",
    "filtered_step",
)
INTEGERS = {"positions", "ids", "context_ids", "target_ids", "causal_stop", "scale_stop"}
FLOATS = {"cap"}
NUMBERS = {"count", "cells", "words", "width", "blocks", "parts", *STEPS}


def main() -> None:
    large = dict(zip(("TARGETS", "CELLS", "FEATURES"), projection._LARGE, strict=False))
    filters = {"SCALED": True, "DOWN": 1, "ACROSS": 128, "TALL": True, "SPECIAL": True}
    kernels = {
        "projection": (projection._project, large | {"CAST": False, "RELU": True}, 8),
        "interference": (
            causal_residual._interfere,
            dict(zip(("TARGETS", "CELLS", "WORDS"), causal_residual._BLOCK, strict=False))
            | {"SPLIT": True},
            causal_residual._BLOCK[3],
        ),
        "residual": (causal_residual._subtract, {"CELLS": 1024, "BLOCKS": 256}, 4),
        "scaling": (joint_scaling._scale, {"WORDS": 512, "PARTS": 16}, 4),
        "filter 3": (rank_filter._filter, filters | {"HALF": 1, "DEEP": rank_filter._DEEP[3]}, 4),
        "filter 5": (rank_filter._filter, filters | {"HALF": 2, "DEEP": rank_filter._DEEP[5]}, 4),
    }
    print(json.dumps({name: compiled(*kernel) for name, kernel in kernels.items()}))


def compiled(kernel: triton.JITFunction, constants: dict, warps: int) -> dict[str, int | bool]:
    constants = constants | {name: 1 for name in kernel.arg_names if name in STEPS}
    signature = {
        name: "constexpr" if name in constants else kind(name) for name in kernel.arg_names
    }
    # Pointers and sizes are multiples of 16, as in real models.
    aligned = {
        (place,): [["tt.divisibility", 16]]
        for place, name in enumerate(kernel.arg_names)
        if name not in constants and name not in FLOATS
    }
    source = ASTSource(kernel, signature, constants, aligned)
    options = {"num_warps": warps, "num_stages": 3, "enable_fp_fusion": True}
    code = triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options)
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(code.asm["cubin"])
        file.flush()
        told = subprocess.check_output([CUOBJDUMP, "-res-usage", file.name], text=True)
    [registers], [stack] = re.findall(r"REG:(\d+)", told), re.findall(r"STACK:(\d+)", told)
    matrix_units = "wgmma" in code.asm["ptx"]
    return {"registers": int(registers), "stack": int(stack), "matrix_units": matrix_units}


def kind(name: str) -> str:
    if name in NUMBERS or name.endswith("_stride") or name == "stride":
        return "i32"
    if name in FLOATS:
        return "fp32"
    if name == "tiles":
        return "*i32"
    return "*i64" if name in INTEGERS else "*bf16" if name in ("states", "head") else "*fp32"


if __name__ == "__main__":
    main()
