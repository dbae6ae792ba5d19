"""Times the engine against its definition and against the published procedure, in one run.

    python benchmarks/engine.py [--targets 128] [--steps 4] [--json]

The published procedure, written here from its description: at every step the whole prompt is
projected on the whole vocabulary, the scale of the interference is found by an iterative least
squares, and the filter goes over the pixels in two nested Python loops. A step takes seconds, so a
few steps, spread evenly, are timed and their mean is taken for each of the K; the output says so.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy.optimize import minimize_scalar

from tam.engine import token_activation_maps
from tam.ops.dispatch import select
from tam.ops.rank_filter.naive import rank_mean

VISION, WIDTH, VOCABULARY = 768, 1536, 151936
GRID = (24, 32)
TEMPLATE = 16


def main() -> None:
    """Run the benchmark and print it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--targets", type=int, default=128, help="K, prompt words included")
    parser.add_argument("--steps", type=int, default=4, help="steps of the published procedure")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    result = measure(options.targets, options.steps)
    print(json.dumps(result, indent=2) if options.json else told(result))


def measure(targets: int, steps: int) -> dict[str, Any]:
    """Time everything on the same random run; seconds for all K targets."""
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(VISION + TEMPLATE + targets, WIDTH, generator=generator)
    head = torch.randn(VOCABULARY, WIDTH, generator=generator)
    ids = torch.randint(0, VOCABULARY, (targets,), generator=generator)
    run = {
        "vision_positions": torch.arange(VISION),
        "context_positions": torch.arange(targets) + VISION + TEMPLATE,
        "context_ids": ids,
        "grids": [GRID],
        "prompt_targets": 12,
    }
    engine = timed(lambda: token_activation_maps(hidden, head[ids], **run), repeats=9)
    maps = token_activation_maps(hidden, head[ids], **run).maps.numpy()
    naive_start = time.perf_counter()
    defined = naive(hidden.numpy(), head[ids].numpy(), run)
    naive_seconds = time.perf_counter() - naive_start
    error = float(np.abs(defined - maps).max())
    chosen = np.unique(np.linspace(0, targets - 1, steps).astype(int))
    projections, rests = [], []
    for target in chosen:
        start = time.perf_counter()
        logits = (hidden[: int(run["context_positions"][target]) + 1] @ head.T).relu_()
        projections.append(time.perf_counter() - start)
        published_step(logits, run, int(target))
        rests.append(time.perf_counter() - start - projections[-1])
    projection, rest = statistics.mean(projections), statistics.mean(rests) * targets
    every, once = projection * targets + rest, projection + rest
    return {
        "vision_tokens": VISION,
        "targets": targets,
        "width": WIDTH,
        "vocabulary": VOCABULARY,
        "threads": torch.get_num_threads(),
        "engine_seconds": engine,
        "naive_seconds": naive_seconds,
        "naive_ratio": naive_seconds / engine,
        "largest_difference_to_naive": error,
        "published_steps_timed": len(chosen),
        "published_seconds": every,
        "published_ratio": every / engine,
        "projected_once_seconds": once,
        "projected_once_ratio": once / engine,
    }


def naive(hidden: np.ndarray, rows: np.ndarray, run: dict[str, Any]) -> np.ndarray:
    """All targets by the ops' definitions."""
    ids, index = run["context_ids"].numpy(), np.arange(len(rows))
    activation = select("projection", "naive")(hidden[:VISION], rows)
    text = select("projection", "naive")(hidden[run["context_positions"].numpy()], rows)
    residual = select("causal_residual", "naive")(activation, activation, text, ids, ids, index)
    stops = np.maximum(index, run["prompt_targets"])
    scaled, _ = select("joint_scaling", "naive")(residual, text, stops)
    maps: np.ndarray = select("rank_filter", "naive")(scaled.T, run["grids"], 3)
    return maps


def published_step(logits: torch.Tensor, run: dict[str, Any], target: int) -> np.ndarray:
    """One target as the published code goes about it, from scores for the whole vocabulary."""
    ids = run["context_ids"]
    maps = logits[:VISION][:, ids].double().numpy()
    text = logits[run["context_positions"][: target + 1]][:, ids[target]].double().numpy()
    activation = maps[:, target]
    weights = np.where(ids[:target].numpy() == int(ids[target]), 0, text[:target])
    interference = maps[:, :target] @ (weights / (weights.sum() + 1e-8))
    scale = minimize_scalar(lambda s: float(np.sum((activation - s * interference) ** 2))).x
    residual = np.maximum(activation - scale * interference, 0)
    values = np.concatenate([residual, text])
    scaled = (residual - values.min()) / (values.max() - values.min())
    padded = np.pad(scaled.reshape(GRID), 1, mode="reflect")
    filtered = np.zeros(GRID)
    for i in range(GRID[0]):
        for j in range(GRID[1]):
            filtered[i, j] = rank_mean(padded[i : i + 3, j : j + 3])
    return filtered


def timed(function: Callable[[], object], repeats: int) -> float:
    """Median seconds of a call, after two calls that are not counted."""
    seconds = []
    for repeat in range(repeats + 2):
        start = time.perf_counter()
        function()
        if repeat >= 2:
            seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def told(result: dict[str, Any]) -> str:
    """The result as a person reads it."""
    timed_steps = result["published_steps_timed"]
    return "\n".join(
        [
            "N = {vision_tokens}, K = {targets}, D = {width}, V = {vocabulary}, "
            "{threads} threads, float32".format(**result),
            "engine     {engine_seconds:10.4f} s   median of 9".format(**result),
            "definition {naive_seconds:10.4f} s   {naive_ratio:8.0f} ×   "
            "largest difference {largest_difference_to_naive:.1e}".format(**result),
            "published  {published_seconds:10.4f} s   {published_ratio:8.0f} ×   ".format(**result)
            + f"mean of {timed_steps} steps, times K",
            "  the same, projected once {projected_once_seconds:.1f} s   "
            "{projected_once_ratio:.0f} ×".format(**result),
        ]
    )


if __name__ == "__main__":
    main()
