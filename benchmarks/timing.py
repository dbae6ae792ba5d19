"""Times calls, on any device."""

import time
from collections.abc import Callable

import torch

HOW = {
    "cpu": "CPU seconds of the process at one thread, the least of the repeats: what the clock "
    "shows on an idle machine, whatever else runs on this one",
    "cuda": "seconds between two events on the device, the least of the repeats",
}


def seconds(
    function: Callable[[], object], device: torch.device, *, repeats: int = 5, warm: int = 1
) -> float:
    """Give the least time of some calls, after others that are not counted."""
    for _ in range(warm):
        function()
    if device.type != "cuda":
        return min(_cpu(function) for _ in range(repeats))
    return min(_cuda(function) for _ in range(repeats))


def _cpu(function: Callable[[], object]) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start


def _cuda(function: Callable[[], object]) -> float:
    first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    first.record()
    function()
    last.record()
    torch.cuda.synchronize()
    return float(first.elapsed_time(last)) / 1e3
