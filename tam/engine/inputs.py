"""Inputs of the engine: conversion to tensors, and checks of shapes, positions and grids."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import pad

from tam.errors import NumericsError

Array: TypeAlias = torch.Tensor | NDArray[Any]

LARGEST_KERNEL = 31
"""Side of the filter's largest window; the time grows with its square."""


@dataclass(frozen=True, eq=False)
class Scores:
    """Target-major scores: context [K, N], target [M, N], text [M, K].

    The indices are int64: ``context_ids`` [K]; ``target_ids``, ``causal_stop`` and ``scale_stop``
    [M].
    """

    context: torch.Tensor
    target: torch.Tensor
    text: torch.Tensor
    context_ids: torch.Tensor
    target_ids: torch.Tensor
    causal_stop: torch.Tensor
    scale_stop: torch.Tensor


def as_tensor(values: Array) -> torch.Tensor:
    """Convert values to a detached tensor that shares their memory."""
    return torch.from_numpy(values) if isinstance(values, np.ndarray) else values.detach()


def as_index(values: Array | Sequence[int]) -> torch.Tensor:
    """Convert indices to an int64 tensor on the CPU."""
    return torch.as_tensor(values, dtype=torch.int64).cpu()


def to_device_of(values: torch.Tensor, *indices: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Move index tensors to the device of ``values``, in one transfer."""
    if values.device.type == "cpu":
        return indices
    # Padding makes each index start at a multiple of 16 bytes, as the compiled kernels expect.
    parts = [pad(index, (0, len(index) % 2)) for index in indices]
    moved = torch.cat(parts).to(values.device).split([len(part) for part in parts])
    return tuple(part[: len(index)] for part, index in zip(moved, indices, strict=True))


def checked(name: str, values: Array | Sequence[int], states: torch.Tensor) -> torch.Tensor:
    """Convert positions to indices. Raises NumericsError if one lies outside the states."""
    positions = as_index(values)
    if len(positions) and not 0 <= int(positions.min()) <= int(positions.max()) < len(states):
        raise shape_error(f"a {name} position lies outside the {len(states)} states")
    return positions


def shape_error(what: str) -> NumericsError:
    """Return the error for inputs whose shapes do not fit."""
    return NumericsError(what, where="engine", remedy="check the shapes in the docstring")


def not_finite(name: str) -> NumericsError:
    """Return the error for values that are not finite."""
    return NumericsError(
        f"{name} hold NaN or infinity",
        where="engine",
        remedy="run the model in bfloat16 or float32: float16 may overflow",
    )


def raise_not_finite(*parts: tuple[str, torch.Tensor, torch.Tensor]) -> None:
    """Raise a NumericsError that names the part of the input that made the scores not finite."""
    for name, values, index in parts:
        if not bool(torch.isfinite(values[index.to(values.device)]).all()):
            raise not_finite(name)
    raise not_finite("products of states and head rows")


def check_shapes(scores: Scores) -> None:
    """Check that scores and indices fit. Raises NumericsError otherwise."""
    k, m, n = len(scores.context_ids), len(scores.target_ids), scores.target.shape[1]
    shapes = [list(v.shape) for v in (scores.context, scores.target, scores.text)]
    stops = (len(scores.causal_stop), len(scores.scale_stop))
    if shapes != [[k, n], [m, n], [m, k]] or stops != (m, m):
        raise shape_error(
            f"target-major scores {shapes} do not fit {k} context ids and {m} target ids"
        )


def check_grids(grids: Sequence[tuple[int, int]], cells: int, kernel_size: int) -> None:
    """Check grids and the kernel size. Raises NumericsError if they do not fit the cells."""
    if any(h < 1 or w < 1 for h, w in grids) or sum(h * w for h, w in grids) != cells:
        raise shape_error(f"grids {list(grids)} do not hold the {cells} vision cells")
    if cells == 0:
        raise shape_error("no vision cells are given")
    check_kernel_size(kernel_size)


def check_kernel_size(kernel_size: int) -> None:
    """Check that a window has a centre and is not too large. Raises NumericsError otherwise."""
    if not 1 <= kernel_size <= LARGEST_KERNEL or kernel_size % 2 == 0:
        raise NumericsError(
            f"a window of {kernel_size} × {kernel_size} cells is not supported",
            where="kernel_size",
            remedy=f"choose an odd number from 1 to {LARGEST_KERNEL}",
        )
