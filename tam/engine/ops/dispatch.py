"""The one place that chooses how an op is computed."""

import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Final

import torch

from tam.errors import SetupError
from tam.resolver import resolve

OPS: Final = ("projection", "causal_residual", "joint_scaling", "rank_filter")
BACKENDS: Final = ("naive", "torch", "triton")

VARIABLE: Final = "TAM_BACKEND"
"""Environment variable that chooses where no argument does."""

# Triton's own limit for the matrix units that the kernels use.
_CAPABILITY = (8, 0)


def select(op: str, backend: str = "torch") -> Callable[..., Any]:
    """Give the function that computes an op.

    Parameters
    ----------
    op
        One of ``OPS``; the function has the same name.
    backend
        ``"naive"`` (NumPy in float64, the definition), ``"torch"`` (any device) or ``"triton"``
        (CUDA; elsewhere only Triton's interpreter).

    Raises
    ------
    ValueError
        If the op or the backend is unknown.
    """
    if op not in OPS or backend not in BACKENDS:
        raise ValueError(f"no op {op!r} with backend {backend!r}; ops: {OPS}, backends: {BACKENDS}")
    function: Callable[..., Any] = resolve(f"tam.engine.ops.{op}.{backend}:{op}")
    return function


def backend_for(device: torch.device, asked: str | None = None) -> str:
    """Choose the backend for tensors on a device.

    Parameters
    ----------
    device
        Where the tensors are.
    asked
        ``"torch"`` or ``"triton"``, then that one or an error; ``"auto"``: Triton on CUDA where it
        is installed, else torch. None reads the environment variable ``TAM_BACKEND``, and is
        ``"auto"`` where that is not set.

    Raises
    ------
    SetupError
        If ``"triton"`` is asked for and cannot run on that device, or the name is unknown.
    """
    asked = asked or os.environ.get(VARIABLE) or "auto"
    if asked == "torch":
        return asked
    hindrance = _hindrance(device)
    if asked == "auto":
        return "torch" if hindrance else "triton"
    if asked != "triton":
        raise SetupError(
            f"unknown backend {asked!r}",
            where="backend",
            remedy="choose auto, torch or triton",
        )
    if hindrance and not _interpreted():
        raise SetupError(
            f"Triton cannot be used: {hindrance}", where="backend", remedy="choose auto or torch"
        )
    return asked


def _hindrance(device: torch.device) -> str:
    """Why Triton's kernels do not run on a device; empty where they do."""
    if find_spec("triton") is None:
        return "it is not installed"
    if device.type != "cuda":
        return f"the states are on {device.type}, not on a CUDA device"
    if torch.cuda.get_device_capability(device) < _CAPABILITY:
        return f"the device's compute capability is below {_CAPABILITY[0]}.{_CAPABILITY[1]}"
    return ""


def _interpreted() -> bool:
    """Whether Triton runs its kernels in its interpreter, on any device."""
    if find_spec("triton") is None:
        return False
    from triton import knobs

    return bool(knobs.runtime.interpret)
