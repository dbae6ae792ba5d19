"""Averaging of cells by color, state and attention together."""

import numpy as np
from numpy.typing import NDArray

from tam.geometry.cell_colors import cell_colors
from tam.refine.refinement import Maps, Work

Kernel = NDArray[np.float64]

ROUNDS = 3
"""The number of averaging steps."""
_WIDTH = 0.15


def joint_kernels(maps: Maps, work: Work) -> Maps:
    """Average each cell over the cells of its frame that resemble it in three respects.

    ``M ← K M``, three times, with K the mean of three kernels whose rows add up to 1: for colors,
    ``exp(-|c_i - c_j|² / 2 · 0.15²)``; for last states, the positive part of the cosine after the
    picture's mean state is subtracted; for attention, the mean over layers and heads in either
    direction. A map keeps its height. Source: the hybrid features of DOEI (Zhu et al. 2025, arXiv
    2502.15885), which joins RGB values, embeddings and self-attention; the kernels are this
    toolkit's. Cost: one forward pass, and 3 matrix products [N, N] a word.
    """
    trace = work.trace
    positions = trace.vision.positions
    weights = work.replay.run([], attention=True).attentions
    mean = np.mean([layer[0].float().mean(0).cpu().numpy() for layer in weights], axis=0)
    looks = mean[np.ix_(positions, positions)].astype(np.float64)
    states = trace.vision_states.float().cpu().numpy().astype(np.float64)
    found = maps.copy()
    for grid, step, columns in work.frames():
        colors = cell_colors(grid, trace.media[grid.media], step).reshape(-1, 3)
        own = looks[columns, columns]
        kernel = joint(by_color(colors), by_state(states[columns]), own + own.T)
        layer = found[:, columns]
        top = layer.max(1, keepdims=True)
        for _ in range(ROUNDS):
            layer = np.asarray(layer @ kernel.T, np.float32)
        now = layer.max(1, keepdims=True)
        found[:, columns] = layer * top / np.where(now > 0, now, 1)
    return found


def joint(*kernels: Kernel) -> Kernel:
    """Average kernels [n, n], their rows scaled to sum to 1; an all-zero row keeps its own cell."""
    rows = []
    for kernel in kernels:
        total = kernel.sum(1, keepdims=True)
        rows.append(
            np.where(total > 0, kernel / np.where(total > 0, total, 1), np.eye(len(kernel)))
        )
    return np.asarray(np.mean(rows, axis=0))


def by_color(colors: Kernel) -> Kernel:
    """Gaussian of the distances between colors [n, 3] from 0 to 1, float64 [n, n]."""
    apart = ((colors[:, None] - colors[None]) ** 2).sum(-1)
    return np.asarray(np.exp(-apart / (2 * _WIDTH**2)))


def by_state(states: Kernel) -> Kernel:
    """Positive parts of the cosines of states [n, D] less their mean, float64 [n, n]."""
    own = states - states.mean(0)
    own = own / np.maximum(np.linalg.norm(own, axis=1, keepdims=True), 1e-9)
    return np.asarray(np.maximum(own @ own.T, 0))
