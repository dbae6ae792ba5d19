"""Memory of this process: resident as Linux counts it, and allocated on a GPU."""

from collections.abc import Callable
from pathlib import Path

import torch

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def resident(counter: str) -> float:
    """Read ``VmRSS``, what is resident now, or ``VmHWM``, its peak, in megabytes of 10^6 bytes."""
    lines = _STATUS.read_text().splitlines()
    [kilobytes] = [line.split()[1] for line in lines if line.startswith(counter)]
    return int(kilobytes) * 1024 / 1e6


def start_peak() -> None:
    """Let the counter of the peak begin at what is resident now."""
    _CLEAR.write_text("5")


def added_peak(function: Callable[[], object], device: torch.device) -> float | None:
    """Megabytes by which a call raises the peak; None where the system does not count them."""
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
