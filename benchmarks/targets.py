"""The performance targets of the engine."""

from typing import Any


def on_a_cpu(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the targets on a CPU: how many times faster it is than other implementations."""
    times, filters = result["main"]["seconds"], result["filter"]["seconds"]
    return [
        _at_least("published procedure, end to end", times["published"] / times["engine"], 300),
        _at_least("one call per token", times["one call each"] / times["engine"], 10),
        _at_least("the filter alone, its loops", filters["loops"] / filters["engine"], 100),
    ]


def on_a_gpu(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the targets on a GPU: how close it is to the limits of the device."""
    filters, [large] = result["filter"], result["large"]
    limit = max(filters["moved"], filters["computed"])
    share = limit / filters["seconds"]["engine"]
    return [
        _at_most(
            "all targets of one run, milliseconds", result["main"]["seconds"]["engine"] * 1e3, 1
        ),
        _at_most(
            "a long run on the device, times its bound", large["on_device"] / large["bound"], 3
        ),
        _at_least("the filter on the device, share of its limit", share, 0.5),
    ]


def _at_least(name: str, value: float, limit: float) -> dict[str, Any]:
    return {"name": name, "value": value, "wanted": f"at least {limit:g}", "met": value >= limit}


def _at_most(name: str, value: float, limit: float) -> dict[str, Any]:
    return {"name": name, "value": value, "wanted": f"at most {limit:g}", "met": value <= limit}
