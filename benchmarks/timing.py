"""Timing of calls, on any device."""

import statistics
import time
from collections.abc import Callable

import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

HOW = {
    "cpu": "CPU seconds of the process at one thread, the least of the repeats: what the clock "
    "shows on an idle machine, whatever else runs on this one",
    "cuda": "seconds between two events on the device, the median of the repeats, launches "
    "included; on the device: its kernels and copies alone, by torch's profiler",
}

# Short calls on a GPU are repeated more often.
_SHORT, _REPEATS, _WARM = 0.01, 25, 5


def seconds(
    function: Callable[[], object], device: torch.device, *, repeats: int = 5, warm: int = 1
) -> float:
    """Return the time of a call: see `HOW`; the first ``warm`` calls are not counted."""
    if device.type == "cuda":
        if warm and (_cuda(function), _cuda(function))[1] < _SHORT:
            warm, repeats = _WARM, _REPEATS
        timed = [_cuda(function) for _ in range(warm + repeats)]
        return statistics.median(timed[warm:])
    for _ in range(warm):
        function()
    return min(_cpu(function) for _ in range(repeats))


def device_seconds(function: Callable[[], object], repeats: int = 10) -> float:
    """Return the GPU time of a call, that of its kernels and copies without their launches."""
    for _ in range(_WARM):
        function()
    with profile(activities=[ProfilerActivity.CUDA]) as profiled:
        for _ in range(repeats):
            function()
        torch.cuda.synchronize()
    found = [e for e in profiled.key_averages() if e.device_type == DeviceType.CUDA]
    return sum(e.self_device_time_total for e in found) / repeats / 1e6


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
