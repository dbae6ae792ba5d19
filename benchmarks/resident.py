"""The memory of this process: resident memory as counted by Linux, and allocated on a GPU."""

from collections.abc import Callable
from pathlib import Path

import torch

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def resident(counter: str) -> float:
    """Read ``VmRSS``, the resident memory, or ``VmHWM``, its peak, in megabytes of 10^6 bytes."""
    lines = _STATUS.read_text().splitlines()
    [kilobytes] = [line.split()[1] for line in lines if line.startswith(counter)]
    return int(kilobytes) * 1024 / 1e6


def start_peak() -> None:
    """Reset the peak to the memory that is resident now."""
    _CLEAR.write_text("5")


def added_peak(function: Callable[[], object], device: torch.device) -> float | None:
    """Return the megabytes by which a call raises the peak; None if the system cannot tell."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        held = torch.cuda.memory_allocated(device)
        function()
        return (torch.cuda.max_memory_allocated(device) - held) / 1e6
    if not _CLEAR.exists():
        return None
    start_peak()
    before = resident("VmRSS")
    function()
    return max(0.0, resident("VmHWM") - before)
