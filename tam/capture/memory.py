"""Free memory, and one clear error where it runs out."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import torch

from tam.errors import ResourceError, ran_out_of_memory

_REMEDY = (
    "use a smaller picture, fewer new tokens, --dtype bfloat16, --load-in 4bit or --device-map auto"
)

# Files with a container's memory limit and use, in cgroups of version 2 and 1.
_CGROUPS = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file"),
)


@contextmanager
def memory_errors() -> Iterator[None]:
    """Turn the ways in which memory runs out into one clear error.

    Raises
    ------
    ResourceError
        Instead of torch's and Python's own errors.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise _told("the accelerator") from error
    except (MemoryError, RuntimeError) as error:
        if not ran_out_of_memory(error):
            raise
        raise _told("this machine") from error


def check_free(needed: int, device: torch.device, what: str) -> None:
    """Refuse a computation that does not fit into the free memory.

    Parameters
    ----------
    needed
        Bytes that the computation needs.
    device
        The device on which it needs them.
    what
        What it computes, with its size; begins the error's message.

    Raises
    ------
    ResourceError
        If they are not free. The message gives both figures.
    """
    free = free_bytes(device)
    if needed > free:
        place = "this machine" if device.type == "cpu" else f"device {device}"
        raise ResourceError(
            f"{what} need {_gigabytes(needed)} of memory, and {place} has {_gigabytes(free)} free",
            where="memory",
            remedy="ask with a shorter text, fewer new tokens or a smaller picture",
        )


def free_bytes(device: torch.device) -> int:
    """Bytes of memory that a device has free for this process.

    For a CPU, the machine's or the container's free memory, whichever is less.
    """
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + int(unused)
    return min([int(psutil.virtual_memory().available), *_of_container(Path("/sys/fs/cgroup"))])


def _of_container(folder: Path) -> Iterator[int]:
    """What a container's limit leaves, if it has one; cached files count as free."""
    for limit, usage, cached in _CGROUPS:
        try:
            most, used = (int((folder / name).read_text()) for name in (limit, usage))
            held = (folder / usage).with_name("memory.stat").read_text().split()
            given_up = int(held[held.index(cached) + 1]) if cached in held else 0
        except (OSError, ValueError):
            continue
        yield max(0, most - used + given_up)


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:,.1f} GB"


def _told(place: str) -> ResourceError:
    return ResourceError(f"the memory of {place} ran out", where="model", remedy=_REMEDY)
