"""Measures the time that explaining adds to plain generation, in whole runs.

    python benchmarks/overhead.py [--layers 28] [--rows 16] [--columns 16] [--tokens 128]
                                  [--repeats 5] [--device cuda] [--json]

A random model of Qwen2-VL-2B's dimensions (its language model; the vision tower is narrow) answers
about one picture in bfloat16, by transformers' own ``generate`` and explained, in turn. The
overhead is the mean over the pairs with its 95 % interval by Student's t. On a CPU times are CPU
seconds at one thread, so that it does not matter what else runs there.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import torch
from scipy.stats import t as student

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.random_models import asked, qwen2_vl_2b
from tam.capture.placing import placed
from tam.recording import prepare


def main() -> None:
    """Run the benchmark and print it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--layers", type=int, default=28)
    parser.add_argument("--rows", type=int, default=16, help="rows of vision tokens")
    parser.add_argument("--columns", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=128, help="tokens of the reply")
    parser.add_argument("--repeats", type=int, default=5, help="pairs of runs")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    torch.set_num_threads(1)
    result = measure(options)
    print(json.dumps(result, indent=2) if options.json else told(result))


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Time pairs of runs; seconds."""
    cells = options.rows * options.columns
    model = qwen2_vl_2b(options.layers, cells, torch.bfloat16, options.device)
    prepared = prepare(model, asked(options.rows, options.columns))
    inputs = placed(model.module, prepared.request.inputs)
    lengths = {"max_new_tokens": options.tokens, "min_new_tokens": options.tokens}

    def plain() -> None:
        with torch.no_grad():
            model.module.generate(**inputs, **lengths)

    def explained() -> None:
        model.explain_recording(model.run(prepared, **lengths))

    explained()  # what is loaded and compiled at the first call is not counted
    pairs = [(seconds(plain), seconds(explained)) for _ in range(options.repeats)]
    shares = [after / before - 1 for before, after in pairs]
    mean, deviation = statistics.mean(shares), statistics.stdev(shares)
    reach = student.ppf(0.975, len(shares) - 1) * deviation / len(shares) ** 0.5
    return {
        "device": options.device,
        "layers": options.layers,
        "vision_tokens": cells,
        "tokens": options.tokens,
        "plain_seconds": [before for before, _ in pairs],
        "explained_seconds": [after for _, after in pairs],
        "overhead": mean,
        "overhead_interval": [mean - reach, mean + reach],
    }


def seconds(function: Any) -> float:
    """Time one call: by the clock where a GPU is waited for, else in CPU seconds."""
    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    start = clock()
    function()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return clock() - start


def told(result: dict[str, Any]) -> str:
    """The result as a person reads it."""
    low, high = result["overhead_interval"]
    return "\n".join(
        [
            "Qwen2-VL-2B's language model with {layers} layers, {vision_tokens} vision tokens, "
            "{tokens} tokens written, bfloat16, {device}".format(**result),
            f"generation alone   {statistics.median(result['plain_seconds']):8.2f} s   median",
            f"with explanation   {statistics.median(result['explained_seconds']):8.2f} s   median",
            f"overhead           {result['overhead']:+8.1%}     {low:+.1%} to {high:+.1%}",
        ]
    )


if __name__ == "__main__":
    main()
