"""Measures the memory that explaining adds to plain generation.

    python benchmarks/memory.py [--rows 100] [--columns 100] [--tokens 64] [--repeats 3] [--json]

A random model with the width and the vocabulary of Qwen2-VL-2B and two layers writes an answer
about one picture in bfloat16, on the CPU: alternately by transformers' own ``generate`` and with an
explanation. Each run is a separate process, and its peak is the most memory that Linux counts as
resident once the model is built. The peak of the explanation alone is counted from the end of the
reply. The exit code is 1 above the limit.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
LIMIT_MB = 300


def main() -> int:
    """Run the benchmark, print the result, and fail if the limit is exceeded."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=100, help="rows of vision tokens")
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--tokens", type=int, default=64, help="tokens of the reply")
    parser.add_argument("--repeats", type=int, default=3, help="processes of each kind")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--child", choices=["plain", "explained"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(child(options)))
        return 0
    result = measure(options)
    print(json.dumps(result, indent=2) if options.json else told(result))
    return 0 if result["added_mb"] < LIMIT_MB else 1


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run both kinds alternately; results are in megabytes of 10^6 bytes."""
    runs: dict[str, list[dict[str, float]]] = {"plain": [], "explained": []}
    for _ in range(options.repeats):
        for kind, found in runs.items():
            size = [
                "--rows",
                options.rows,
                "--columns",
                options.columns,
                "--tokens",
                options.tokens,
            ]
            command = [sys.executable, __file__, "--child", kind, *map(str, size)]
            path = os.pathsep.join([str(ROOT), str(ROOT / "adapters")])
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                check=True,
                env={**os.environ, "PYTHONPATH": path},
            )
            found.append(json.loads(done.stdout.splitlines()[-1]))
    peaks = {kind: sorted(run["peak_mb"] for run in found) for kind, found in runs.items()}
    # The explained run with the highest peak is compared with the plain one with the lowest.
    return {
        "vision_tokens": options.rows * options.columns,
        "tokens": options.tokens,
        "plain_peak_mb": peaks["plain"],
        "explained_peak_mb": peaks["explained"],
        "added_mb": peaks["explained"][-1] - peaks["plain"][0],
        "explaining_alone_mb": sorted(run["explaining_mb"] for run in runs["explained"]),
    }


def child(options: argparse.Namespace) -> dict[str, float]:
    """Answer once, and return this process's peak."""
    import torch

    from benchmarks.random_models import asked, qwen2_vl_2b
    from benchmarks.resident import resident, start_peak
    from tam.capture.placing import placed
    from tam.recording.prepared import prepare

    cells = options.rows * options.columns
    model = qwen2_vl_2b(2, cells, torch.bfloat16, "cpu")
    conversation = asked(options.rows, options.columns)
    lengths = {"max_new_tokens": options.tokens, "min_new_tokens": options.tokens}
    explaining = 0.0
    start_peak()
    if options.child == "plain":
        inputs = placed(model.module, prepare(model.checkpoint, conversation).request.inputs)
        with torch.no_grad():
            model.module.generate(**inputs, **lengths)
        peak = resident("VmHWM")
    else:
        recording = model.run(conversation, **lengths)
        peak, before = resident("VmHWM"), resident("VmRSS")
        start_peak()
        result = model.explain_recording(recording)
        assert result.maps.shape[1] == cells
        explaining = resident("VmHWM") - before
        peak = max(peak, resident("VmHWM"))
    return {"peak_mb": peak, "explaining_mb": explaining}


def told(result: dict[str, Any]) -> str:
    """Return the result as text."""
    plain, explained, alone = (
        ", ".join(f"{value:.0f}" for value in result[name])
        for name in ("plain_peak_mb", "explained_peak_mb", "explaining_alone_mb")
    )
    return "\n".join(
        [
            "N = {vision_tokens}, {tokens} tokens, width 1536, vocabulary 151936, 2 layers, "
            "bfloat16, CPU".format(**result),
            f"plain generation      peak {plain} MB",
            f"with explanation      peak {explained} MB",
            f"added                 {result['added_mb']:.0f} MB at the most (limit {LIMIT_MB})",
            f"explaining alone      {alone} MB above what the run held at its end",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
