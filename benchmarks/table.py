"""The suite's results as Markdown."""

from typing import Any


def told(result: dict[str, Any]) -> str:
    """Return all measurements as tables."""
    main = result["main"]
    versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    parts = [
        "# Speed of the engine",
        f"`{result['command']}` on {result['device']} ({versions}), "
        f"backend {result['backend']}. Times are {result['how']}.",
        "## All targets of one run",
        f"{_size(main['case'])}, V = {result['vocabulary']}. The published procedure is timed for "
        f"{main['published_steps_timed']} of the targets, and their mean taken for each; projected "
        "once, it would project the prompt only at its first step. The memory is what the first "
        "call adds to the process's peak, for the published procedure its projection alone.",
        _compared(main),
        "## The filter alone",
        f"{_grid(result['filter']['case'])}; 3 × 3 where nothing else is said.",
        _filters(result["filter"]),
        "## What was to be shown",
        _targets(result["targets"]),
        "## What the machine can do",
        _machine(result["machine"]),
    ]
    sections = {f"Over {name}": cases for name, cases in result["sweeps"].items()} | (
        {"A long video, a long answer": result["large"]} if result["large"] else {}
    )
    for name, cases in sections.items():
        parts += [f"## {name}", _sweep(cases)]
    return "\n\n".join(parts)


def _rows(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _compared(main: dict[str, Any]) -> str:
    times, least = main["seconds"], main["seconds"]["engine"]
    rows = [
        [
            name,
            _time(took),
            f"{took / least:.0f} ×",
            _or_dash(main["added_mb"].get(name), "{:.0f} MB"),
            _or_dash(main["largest_difference"].get(name), "{:.0e}"),
        ]
        for name, took in sorted(times.items(), key=lambda item: item[1])
    ]
    rows.append(
        ["bound of the machine", _time(main["bound"]), f"{main['bound'] / least:.2f} ×", "", ""]
    )
    return _rows(["", "time", "of the engine's", "memory", "largest difference"], rows)


def _filters(filters: dict[str, Any]) -> str:
    times = filters["seconds"]
    bounds = {
        "bound: bytes moved": filters["moved"],
        "bound: minima, maxima and exponentials": filters["computed"],
    }
    rows = [
        [name, _time(took), f"{took / times['engine']:.2f} ×"]
        for name, took in {**times, **bounds}.items()
    ]
    return _rows(["", "time", "of the engine's"], rows)


def _targets(targets: list[dict[str, Any]]) -> str:
    rows = [
        [t["name"], f"{t['value']:.3g}", t["wanted"], "yes" if t["met"] else "no"] for t in targets
    ]
    return _rows(["", "measured", "wanted", "met"], rows)


def _machine(machine: dict[str, Any]) -> str:
    rows = [["copy, read and written", f"{machine['copy'] / 1e9:.1f} GB/s"]]
    rows += [
        [f"matrix products in {name}", f"{rate / 1e9:.0f} G operations/s"]
        for name, rate in machine["products"].items()
    ]
    rows.append(["minima and maxima", f"{machine['comparisons'] / 1e9:.2f} G/s"])
    rows.append(["exponentials", f"{machine['exponentials'] / 1e9:.2f} G/s"])
    return _rows(["", "measured"], rows)


def _sweep(cases: list[dict[str, Any]]) -> str:
    rows = [
        [
            _size(case),
            _time(case["engine"]),
            "–" if case["on_device"] is None else _time(case["on_device"]),
            "–" if case["plain"] is None else _time(case["plain"]),
            _time(case["bound"]),
            f"{(case['on_device'] or case['engine']) / case['bound']:.1f} ×",
        ]
        for case in cases
    ]
    header = ["", "engine", "on the device", "plain PyTorch", "bound", "times its bound"]
    return _rows(header, rows)


def _size(case: dict[str, Any]) -> str:
    return f"N = {case['cells']}, K = {case['targets']}, D = {case['width']}, {case['dtype']}"


def _grid(case: dict[str, Any]) -> str:
    return f"K = {case['targets']} maps of N = {case['cells']} cells"


def _time(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{seconds * 1e3:.2f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.1f} µs"


def _or_dash(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)
