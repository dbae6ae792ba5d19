"""Free memory, and a clear error when it runs out."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import torch

from tam.errors import ResourceError, ran_out_of_memory

_REMEDY = (
    "use a smaller picture, fewer new tokens, --dtype bfloat16, --load-in 4bit or --device-map auto"
)

# Files with a container's memory limit and usage, and the name of the statistic of its reclaimable
# page cache, in cgroups v2 and v1.
_CGROUPS = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file"),
)


@contextmanager
def memory_errors() -> Iterator[None]:
    """Convert out-of-memory errors of torch and Python into one clear error.

    Raises
    ------
    ResourceError
        If memory runs out in the block.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise _out_of_memory("the accelerator") from error
    except (MemoryError, RuntimeError) as error:
        if not ran_out_of_memory(error):
            raise
        raise _out_of_memory("this machine") from error


def check_free(needed: int, device: torch.device, what: str) -> None:
    """Refuse a computation that does not fit into the free memory.

    Parameters
    ----------
    needed
        Bytes that the computation needs.
    device
        The device whose memory it needs.
    what
        What is computed, with its size, in the plural; the beginning of the error message.

    Raises
    ------
    ResourceError
        If that much memory is not free. The message gives both figures.
    """
    free = free_bytes(device)
    if needed > free:
        place = "this machine" if device.type == "cpu" else f"device {device}"
        raise ResourceError(
            f"{what} need {_gigabytes(needed)} of memory, and {place} has {_gigabytes(free)} free",
            where="memory",
            remedy="use a shorter text, fewer new tokens or a smaller picture",
        )


def free_bytes(device: torch.device) -> int:
    """Return the bytes of memory that are free for this process on a device.

    For the CPU, this is the free memory of the machine or of the container, whichever is less.
    """
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + int(unused)
    return min(
        [int(psutil.virtual_memory().available), *_free_in_container(Path("/sys/fs/cgroup"))]
    )


def _free_in_container(folder: Path) -> Iterator[int]:
    """Yield the memory left under the container's limit, if any; page cache counts as free."""
    for limit, usage, cached in _CGROUPS:
        try:
            most, used = (int((folder / name).read_text()) for name in (limit, usage))
            stat = (folder / usage).with_name("memory.stat").read_text().split()
            reclaimable = int(stat[stat.index(cached) + 1]) if cached in stat else 0
        except (OSError, ValueError):
            continue
        yield max(0, most - used + reclaimable)


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:,.1f} GB"


def _out_of_memory(place: str) -> ResourceError:
    return ResourceError(f"the memory of {place} ran out", where="model", remedy=_REMEDY)
