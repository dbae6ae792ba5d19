"""Times the engine against other implementations, and against the limits of the machine.

    python -m benchmarks [--quick] [--steps 2] [--device cpu] [--out benchmarks/results]

Writes ``speed.json``, ``speed.md`` and ``speed.png`` there. On a CPU everything runs on one thread
in float32, on a GPU in bfloat16.
"""

import argparse
import json
import platform
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from benchmarks import plain, published
from benchmarks.cases import FILTERED, Case, Run, large, random_run, sweeps
from benchmarks.drawing import draw
from benchmarks.resident import added_peak
from benchmarks.roofline import Machine, bound, filter_bounds, measured
from benchmarks.table import told
from benchmarks.targets import on_a_cpu, on_a_gpu
from benchmarks.timing import HOW, device_seconds, seconds
from tam.engine.maps import TokenActivationMaps, token_activation_maps
from tam.engine.ops.dispatch import backend_for, select
from tam.errors import ended_in_one_line

VOCABULARY = 151_936
# The largest [K, N], in elements, at which the windows of the plain versions fit into memory.
PLAIN_LIMIT = 1 << 22


def main() -> int:
    """Run the suite, write its results, and fail if a target is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="leave the sweeps out")
    parser.add_argument("--steps", type=int, default=2, help="published steps that are timed")
    parser.add_argument("--vocabulary", type=int, default=VOCABULARY, help="V")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=Path, help="folder of the results; printed only without it")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    device = torch.device(options.device)
    result = measure(device, options.vocabulary, options.steps, quick=options.quick)
    print(told(result))
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "speed.json").write_text(json.dumps(result, indent=2) + "\n")
        (options.out / "speed.md").write_text(told(result) + "\n")
        draw(result, options.out / "speed.png")
    return 0 if all(target["met"] for target in result["targets"]) else 1


def measure(device: torch.device, vocabulary: int, steps: int, *, quick: bool) -> dict[str, Any]:
    """Measure everything; seconds and megabytes."""
    on_cpu = device.type == "cpu"
    dtypes = ("float32", "float64") if on_cpu else ("float32", "bfloat16", "float16")
    machine = measured(device, dtypes)
    case = Case(dtype="float32" if on_cpu else "bfloat16")
    main = compared(random_run(case, vocabulary, device), steps)
    result = {
        "command": " ".join(["python -m benchmarks", *sys.argv[1:]]),
        "device": "cpu, 1 thread" if on_cpu else torch.cuda.get_device_name(),
        "versions": {"torch": torch.__version__, "python": platform.python_version()},
        "how": HOW[device.type],
        "backend": backend_for(device),
        "vocabulary": vocabulary,
        "machine": asdict(machine),
        "main": {**main, "bound": bound(case, machine, device)},
        "filter": filters_compared(case if on_cpu else FILTERED, machine, device),
        "sweeps": {}
        if quick
        else {name: swept(cases, machine, device) for name, cases in sweeps(case).items()},
        "large": swept([large(case)], machine, device),
    }
    return {**result, "targets": on_a_cpu(result) if on_cpu else on_a_gpu(result)}


def engine(run: Run) -> TokenActivationMaps:
    """Explain all targets with the engine, which reads only their rows of the head."""
    return token_activation_maps(run.hidden, run.head, *run.arguments, class_ids=run.arguments[2])


def compared(run: Run, steps: int) -> dict[str, Any]:
    """Time every way to explain one run."""
    device, count = run.hidden.device, len(run.ids)
    # Memory is measured first, at each one's first call, because later calls reuse freed memory.
    ways = {"engine": lambda: engine(run), "plain": lambda: plain.all_at_once(run)}
    memory = {name: added_peak(way, device) for name, way in ways.items()}
    ways["one call each"] = lambda: plain.one_call_each(run)
    times = {name: seconds(way, device, repeats=5) for name, way in ways.items()}
    maps = engine(run).maps
    memory["published"] = added_peak(lambda: published.project(run, count - 1), device)
    rows = [round(step * (count - 1) / max(1, steps - 1)) for step in range(steps)]
    projections, rests, differences = [], [], []
    for target in rows:
        projections.append(
            seconds(lambda t=target: published.project(run, t), device, repeats=1, warm=0)
        )
        logits = published.project(run, target)
        rests.append(
            seconds(lambda t=target, s=logits: published.explain(s, run, t), device, repeats=2)
        )
        found = torch.from_numpy(published.explain(logits, run, target)).flatten()
        differences.append(float((found - maps[target].cpu()).abs().max()))
        del logits
    projection, rest = sum(projections) / steps, sum(rests) / steps
    times["published"] = count * (projection + rest)
    times["published, projected once"] = projection + count * rest
    others = {
        "plain": float((plain.all_at_once(run) - maps).abs().max()),
        "one call each": float((plain.one_call_each(run) - maps).abs().max()),
        "published": max(differences),
    }
    return {
        "case": asdict(run.case),
        "seconds": times,
        "added_mb": memory,
        "largest_difference": others,
        "published_steps_timed": steps,
    }


def filters_compared(case: Case, machine: Machine, device: torch.device) -> dict[str, Any]:
    """Time the filter alone, on K maps of N cells."""
    op = select("rank_filter", backend_for(device))
    generator = torch.Generator(device).manual_seed(0)
    dtype = torch.float64 if device.type == "cpu" else torch.float32
    shape = (case.targets, case.cells)
    values = torch.rand(*shape, generator=generator, device=device, dtype=dtype)
    ways = {"engine": lambda: op(values, [case.grid], 3)}
    ways["engine, 5 × 5"] = lambda: op(values, [case.grid], 5)
    if device.type == "cuda":
        times = {name: device_seconds(way) for name, way in ways.items()}
    else:
        as_pictures = values.float().reshape(-1, 1, *case.grid)
        ways["plain"] = lambda: plain.rank_filter(as_pictures)
        times = {name: seconds(way, device) for name, way in ways.items()}
        some = values[:: max(1, len(values) // 8)].numpy()
        loops = seconds(
            lambda: [published.filter_by_loops(row.reshape(case.grid)) for row in some],
            device,
            repeats=2,
            warm=0,
        )
        times["loops"] = loops * len(values) / len(some)
    moved, computed = filter_bounds(case, machine, device)
    return {"case": asdict(case), "seconds": times, "moved": moved, "computed": computed}


def swept(cases: list[Case], machine: Machine, device: torch.device) -> list[dict[str, Any]]:
    """Time the engine and the plain version on runs of growing size."""
    found = []
    for case in cases:
        run = random_run(case, case.targets, device)
        few = case.cells * case.targets <= PLAIN_LIMIT
        found.append(
            {
                **asdict(case),
                "engine": seconds(lambda r=run: engine(r), device, repeats=3),
                "on_device": device_seconds(lambda r=run: engine(r))
                if device.type == "cuda"
                else None,
                "plain": seconds(lambda r=run: plain.all_at_once(r), device, repeats=3)
                if few
                else None,
                "bound": bound(case, machine, device),
            }
        )
    return found


if __name__ == "__main__":
    with ended_in_one_line():
        sys.exit(main())
