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
"""Side of the filter's largest window; time grows with its square."""


@dataclass(frozen=True, eq=False)
class Scores:
    """Target-major scores: context [K, N], target [M, N], text [M, K]; int64 [K] and [M]."""

    context: torch.Tensor
    target: torch.Tensor
    text: torch.Tensor
    context_ids: torch.Tensor
    target_ids: torch.Tensor
    causal_stop: torch.Tensor
    scale_stop: torch.Tensor


def as_tensor(values: Array) -> torch.Tensor:
    """Give values as a tensor that needs no gradient and shares their memory."""
    return torch.from_numpy(values) if isinstance(values, np.ndarray) else values.detach()


def as_index(values: Array | Sequence[int]) -> torch.Tensor:
    """Give indices as an int64 tensor on the CPU."""
    return torch.as_tensor(values, dtype=torch.int64).cpu()


def beside(values: torch.Tensor, *indices: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Bring indices to where some values are, all at once."""
    if values.device.type == "cpu":
        return indices
    # Each begins at a multiple of 16 bytes, which kernels are compiled for.
    parts = [pad(index, (0, len(index) % 2)) for index in indices]
    moved = torch.cat(parts).to(values.device).split([len(part) for part in parts])
    return tuple(part[: len(index)] for part, index in zip(moved, indices, strict=True))


def checked(name: str, values: Array | Sequence[int], states: torch.Tensor) -> torch.Tensor:
    """Give positions as indices. Raises NumericsError if one lies outside the states."""
    positions = as_index(values)
    if len(positions) and not 0 <= int(positions.min()) <= int(positions.max()) < len(states):
        raise misfit(f"a {name} position lies outside the {len(states)} states")
    return positions


def misfit(what: str) -> NumericsError:
    """Make the error of inputs whose shapes do not fit."""
    return NumericsError(what, where="engine", remedy="check the shapes in the docstring")


def not_finite(name: str) -> NumericsError:
    """Make the error of values that are not finite."""
    return NumericsError(
        f"{name} hold NaN or infinity",
        where="engine",
        remedy="run the model in bfloat16 or float32: float16 may overflow",
    )


def blame(*parts: tuple[str, torch.Tensor, torch.Tensor]) -> None:
    """Raise NumericsError that names the part of the input that made scores not finite."""
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
        raise misfit(f"scores {shapes}, target-major, with {k} context ids and {m} target ids")


def check_grids(grids: Sequence[tuple[int, int]], cells: int, kernel_size: int) -> None:
    """Check grids and the kernel size. Raises NumericsError if they do not fit the cells."""
    if any(h < 1 or w < 1 for h, w in grids) or sum(h * w for h, w in grids) != cells:
        raise misfit(f"grids {list(grids)} do not hold the {cells} vision cells")
    if cells == 0:
        raise misfit("no vision cells are given")
    check_kernel_size(kernel_size)


def check_kernel_size(kernel_size: int) -> None:
    """Refuse a window that has no middle or takes too long. Raises NumericsError."""
    if not 1 <= kernel_size <= LARGEST_KERNEL or kernel_size % 2 == 0:
        raise NumericsError(
            f"a window of {kernel_size} × {kernel_size} cells is not possible",
            where="kernel_size",
            remedy=f"give an odd number from 1 to {LARGEST_KERNEL}",
        )
