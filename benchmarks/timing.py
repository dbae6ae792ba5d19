"""Times calls, on any device."""

import statistics
import time
from collections.abc import Callable

import torch

HOW = {
    "cpu": "CPU seconds of the process at one thread, the least of the repeats: what the clock "
    "shows on an idle machine, whatever else runs on this one",
    "cuda": "seconds between two events on the device, the median of the repeats, launches "
    "included",
}

# Short calls on a GPU are repeated more often.
_SHORT, _REPEATS, _WARM = 0.01, 25, 5


def seconds(
    function: Callable[[], object], device: torch.device, *, repeats: int = 5, warm: int = 1
) -> float:
    """Give the time of a call: see `HOW`; the first ``warm`` calls are not counted."""
    if device.type == "cuda":
        if warm and (_cuda(function), _cuda(function))[1] < _SHORT:
            warm, repeats = _WARM, _REPEATS
        timed = [_cuda(function) for _ in range(warm + repeats)]
        return statistics.median(timed[warm:])
    for _ in range(warm):
        function()
    return min(_cpu(function) for _ in range(repeats))


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
