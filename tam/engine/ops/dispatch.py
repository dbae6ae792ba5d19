"""The choice of the backend that computes an op."""

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
"""Environment variable that chooses the backend if no argument does."""

# Triton's minimum compute capability for the tensor core instructions that the kernels use.
_CAPABILITY = (8, 0)


def select(op: str, backend: str = "torch") -> Callable[..., Any]:
    """Return the function that computes an op.

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


def backend_for(device: torch.device, requested: str | None = None) -> str:
    """Choose the backend for tensors on a device.

    Parameters
    ----------
    device
        The device of the tensors.
    requested
        ``"torch"``, ``"triton"`` or ``"auto"``, which is Triton on CUDA if it is installed, else
        torch. None reads the environment variable ``TAM_BACKEND`` and defaults to ``"auto"``.

    Raises
    ------
    SetupError
        If ``"triton"`` is requested but cannot run on the device, or the name is unknown.
    """
    requested = requested or os.environ.get(VARIABLE) or "auto"
    if requested == "torch":
        return requested
    obstacle = _obstacle(device)
    if requested == "auto":
        return "torch" if obstacle else "triton"
    if requested != "triton":
        raise SetupError(
            f"unknown backend {requested!r}",
            where="backend",
            remedy="choose auto, torch or triton",
        )
    if obstacle and not _interpreted():
        raise SetupError(
            f"Triton cannot be used: {obstacle}", where="backend", remedy="choose auto or torch"
        )
    return requested


def _obstacle(device: torch.device) -> str:
    """Return why Triton's kernels cannot run on a device; empty if they can."""
    if find_spec("triton") is None:
        return "it is not installed"
    if device.type != "cuda":
        return f"the states are on {device.type}, not on a CUDA device"
    if torch.cuda.get_device_capability(device) < _CAPABILITY:
        return f"the device's compute capability is below {_CAPABILITY[0]}.{_CAPABILITY[1]}"
    return ""


def _interpreted() -> bool:
    """Whether Triton runs its kernels in its interpreter, which works on any device."""
    if find_spec("triton") is None:
        return False
    from triton import knobs

    return bool(knobs.runtime.interpret)
