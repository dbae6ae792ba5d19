"""Measures the time and memory that explaining adds to plain generation, in whole runs.

    python -m benchmarks.overhead [--shape qwen2-vl-2b] [--layers 28] [--rows 24] [--columns 24]
                                  [--tokens 128] [--repeats 5] [--seconds 60] [--added 4]
                                  [--growth] [--device cuda] [--json]

A random model of real dimensions answers about one picture in bfloat16, by transformers' own
``generate`` and with an explanation. The two of a pair run one after the other, and which of them
is first changes with each pair, so that a machine that slows down or speeds up favours neither. The
overhead is the mean over the pairs with its 95 % interval by Student's t. On a CPU, times are CPU
seconds of one thread, so that other load does not matter; on a GPU, memory is torch's peak
allocation, weights included.

Runs of a second vary by several percent, more than explaining adds. So the work that explaining
adds is also timed by itself, within some of the explained runs: the hooks and the stopping
criterion of each step, and everything before and after transformers' ``generate``. On a GPU the
device is waited for before and after each part, so nothing that a part starts is hidden behind the
model's own work: the sum is what explaining adds at most. Its share of the median run of
``generate`` has an interval by Student's t over these runs.

``--growth`` times only the explanation, from the recorded run to the result, over N and K.
"""

import argparse
import gc
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from scipy.stats import t as student

from benchmarks.added import added
from benchmarks.random_models import LAYERS, SHAPES, asked
from tam.capture.placing import placed
from tam.errors import ended_in_one_line
from tam.model.model import Model
from tam.recording.prepared import prepare

_CELLS, _WORDS = ((8, 16), (16, 16), (16, 32), (32, 32), (32, 64), (64, 64)), (16, 32, 64, 128, 256)


def main() -> None:
    """Run the benchmark and print the result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shape", choices=sorted(SHAPES), default="qwen2-vl-2b")
    parser.add_argument("--layers", type=int, help="of the language model; default: all")
    parser.add_argument("--rows", type=int, default=24, help="rows of vision tokens")
    parser.add_argument("--columns", type=int, default=24)
    parser.add_argument("--tokens", type=int, default=128, help="tokens of the reply")
    parser.add_argument("--repeats", type=int, default=5, help="pairs of runs")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="end the pairs then")
    parser.add_argument("--added", type=int, default=4, help="runs whose added parts are timed")
    parser.add_argument("--growth", action="store_true", help="over N and K, with --layers")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    options.layers = options.layers or LAYERS[options.shape]
    torch.set_num_threads(1)
    result = grown(options) if options.growth else measure(options)
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        print(grown_told(result) if options.growth else told(result))


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Time pairs of runs; results are in seconds, and megabytes of 10^6 bytes."""
    cells = options.rows * options.columns
    model = SHAPES[options.shape](options.layers, cells, torch.bfloat16, options.device)
    prepared = prepare(model.checkpoint, asked(options.rows, options.columns))
    inputs = placed(model.module, prepared.request.inputs)
    lengths = {"max_new_tokens": options.tokens, "min_new_tokens": options.tokens}

    def plain() -> None:
        with torch.no_grad():
            model.module.generate(**inputs, **lengths)

    def explained() -> None:
        model.explain_recording(model.run(prepared, **lengths))

    explained()  # the first call loads and compiles code, so it is not counted
    gc.collect()
    gc.disable()
    parts = [added(model, explained) for _ in range(options.added)]
    print("added:", *(f"{part:.4f} s" for part in parts), file=sys.stderr, flush=True)
    pairs: list[tuple[float, float]] = []
    peaks = [0.0, 0.0]
    ended = time.monotonic() + options.seconds
    while len(pairs) < 2 or (len(pairs) < options.repeats and time.monotonic() < ended):
        order = (plain, explained) if len(pairs) % 2 == 0 else (explained, plain)
        took = {way: measured(way) for way in order}
        (before, held), (after, more) = took[plain], took[explained]
        pairs.append((before, after))
        peaks = [max(peaks[0], held), max(peaks[1], more)]
        print(f"{before:.3f} s alone, {after:.3f} s explained", file=sys.stderr, flush=True)
    gc.enable()
    alone = statistics.median(before for before, _ in pairs)
    return {
        "shape": options.shape,
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "layers": options.layers,
        "vision_tokens": cells,
        "tokens": options.tokens,
        "plain_seconds": [before for before, _ in pairs],
        "explained_seconds": [after for _, after in pairs],
        **with_interval("overhead", [after / before - 1 for before, after in pairs]),
        "added_seconds": parts,
        **with_interval("added", [part / alone for part in parts]),
        "plain_peak_mb": peaks[0],
        "explained_peak_mb": peaks[1],
    }


def with_interval(name: str, shares: list[float]) -> dict[str, Any]:
    """Return the mean of some shares, and its 95 % interval by Student's t."""
    mean, deviation = statistics.mean(shares), statistics.stdev(shares)
    reach = float(student.ppf(0.975, len(shares) - 1)) * deviation / len(shares) ** 0.5
    return {name: mean, f"{name}_interval": [mean - reach, mean + reach]}


def grown(options: argparse.Namespace) -> dict[str, Any]:
    """Time only the explanation, over N with K fixed and over K with N fixed; in seconds."""
    most = max(rows * columns for rows, columns in _CELLS)
    model = SHAPES[options.shape](options.layers, most, torch.bfloat16, options.device)
    over_cells = [explaining(model, *grid, options.tokens, options.repeats) for grid in _CELLS]
    over_words = [explaining(model, 24, 24, words, options.repeats) for words in _WORDS]
    return {
        "shape": options.shape,
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "tokens": options.tokens,
        "over_cells": {str(h * w): took for (h, w), took in zip(_CELLS, over_cells, strict=True)},
        "over_tokens": {str(k): took for k, took in zip(_WORDS, over_words, strict=True)},
    }


def explaining(model: Model, rows: int, columns: int, tokens: int, repeats: int) -> float:
    """Return the median seconds from a recorded run to its explanation."""
    recording = model.run(asked(rows, columns), max_new_tokens=tokens, min_new_tokens=tokens)
    model.explain_recording(recording)
    timed = [seconds(lambda: model.explain_recording(recording)) for _ in range(repeats)]
    return statistics.median(timed)


def seconds(function: Callable[[], object]) -> float:
    """Time one call: in wall-clock seconds on a GPU, else in CPU seconds."""
    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    start = clock()
    function()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return clock() - start


def measured(function: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds of a call, and a GPU's peak allocation in megabytes; 0 without a GPU."""
    if not torch.cuda.is_available():
        return seconds(function), 0.0
    torch.cuda.reset_peak_memory_stats()
    return seconds(function), torch.cuda.max_memory_allocated() / 1e6


def told(result: dict[str, Any]) -> str:
    """Return the pairs as text."""
    intervals = {name: result[f"{name}_interval"] for name in ("overhead", "added")}
    lines = [
        "{shape} with {layers} layers, {vision_tokens} vision tokens, {tokens} tokens written, "
        "bfloat16, {device}".format(**result),
        f"generation alone   {statistics.median(result['plain_seconds']):8.3f} s   median",
        f"with explanation   {statistics.median(result['explained_seconds']):8.3f} s   median",
    ]
    for name, (low, high) in intervals.items():
        words = "overhead, by pairs" if name == "overhead" else "added, by parts   "
        lines.append(f"{words} {result[name]:+8.2%}     {low:+.2%} to {high:+.2%}")
    if result["plain_peak_mb"]:
        before, after = result["plain_peak_mb"], result["explained_peak_mb"]
        lines.append(f"peak memory        {before:8.0f} MB, explained {after / before - 1:+.2%}")
    return "\n".join(lines)


def grown_told(result: dict[str, Any]) -> str:
    """Return the growth as text."""
    lines = ["{shape}, explaining alone, bfloat16, {device}".format(**result)]
    for name, size in (("over_cells", "N"), ("over_tokens", "tokens")):
        lines += [f"{size} = {n:>5} {took * 1e3:9.2f} ms" for n, took in result[name].items()]
    return "\n".join(lines)


if __name__ == "__main__":
    with ended_in_one_line():
        main()
