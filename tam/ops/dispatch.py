"""The one place that chooses how an op is computed."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

OPS = ("projection", "causal_residual", "joint_scaling", "rank_filter")
BACKENDS = ("naive", "torch")


def select(op: str, backend: str = "torch") -> Callable[..., Any]:
    """Give the function that computes an op.

    Parameters
    ----------
    op
        One of ``OPS``; the function has the same name.
    backend
        ``"naive"`` (NumPy in float64, the definition) or ``"torch"`` (any device).

    Raises
    ------
    ValueError
        If there is no such op or backend.
    """
    if op not in OPS or backend not in BACKENDS:
        raise ValueError(f"no op {op!r} with backend {backend!r}; ops: {OPS}, backends: {BACKENDS}")
    function: Callable[..., Any] = getattr(import_module(f"tam.ops.{op}.{backend}"), op)
    return function
