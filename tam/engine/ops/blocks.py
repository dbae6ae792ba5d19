"""Work in blocks that a cache holds and that memory has room for.

On a CPU torch cuts every operation on more than 32768 elements into parts for its own threads and
waits for the slowest. Where other programs keep the cores busy each of those waits costs
milliseconds. So the ops here work with torch at one thread, in blocks, and spread only long rows of
blocks over threads of their own, which wait for each other once.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

import torch

CACHED: Final = 1 << 14
"""Elements of one elementwise pass on a CPU: what it works on then stays in the cache."""

# The same elsewhere, for the sake of memory alone.
_AT_ONCE = 1 << 22

# Blocks below which threads cost more than they bring: a block takes about half a millisecond.
_WORTH_THREADS = 24

_LOG = logging.getLogger("tam")
_outer = threading.local()


@contextmanager
def one_thread(device: torch.device) -> Iterator[None]:
    """Keep torch on the calling thread for CPU work, and set its thread count back afterwards."""
    if device.type != "cpu" or hasattr(_outer, "threads"):
        yield
        return
    _outer.threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(_outer.threads)
        del _outer.threads


def blocks(total: int, size: int) -> list[slice]:
    """Cut a range into blocks.

    Examples
    --------
    >>> blocks(5, 2)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    return [slice(first, min(first + size, total)) for first in range(0, total, size)]


def row_blocks(rows: int, columns: int, device: torch.device, cached: int = CACHED) -> list[slice]:
    """Cut the rows of [rows, columns] into blocks for elementwise work.

    Parameters
    ----------
    cached
        Elements of a block on a CPU.
    """
    elements = cached if device.type == "cpu" else _AT_ONCE
    return blocks(rows, max(1, elements // max(1, columns)))


def on_threads(work: Callable[[slice], None], parts: Sequence[slice], device: torch.device) -> None:
    """Do the work on every block: on a CPU with as many threads as torch was given.

    Parameters
    ----------
    work
        Takes a block; no two blocks write to the same place.
    parts
        The blocks.
    device
        Where the work's tensors are.
    """
    with one_thread(device):
        threads = min(getattr(_outer, "threads", 1), len(parts) // _WORTH_THREADS)
        if threads < 2:
            for part in parts:
                work(part)
            return
        mode = torch.is_inference_mode_enabled()

        def in_mode(part: slice) -> None:
            with torch.inference_mode(mode):
                work(part)

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(in_mode, parts))


def in_chunks(name: str, total: int, size: int, work: Callable[[int, int], None]) -> None:
    """Call ``work(first, last)`` on chunks of a range, the last one first.

    Where memory runs out the chunk is halved, that is logged as a warning, and the work goes on
    from there; what is done stays done.

    Parameters
    ----------
    name
        What the chunks are made of, for the warning.
    total
        Length of the range.
    size
        Longest chunk to begin with.
    work
        Must be able to begin a chunk again.

    Raises
    ------
    RuntimeError
        Torch's own out-of-memory error, where not even a chunk of one fits.
    """
    last = total
    while last > 0:
        first = max(0, last - size)
        try:
            work(first, last)
        except (RuntimeError, MemoryError) as error:
            if not _is_memory(error) or last - first == 1:
                raise
            size = (last - first) // 2
            _LOG.warning("memory ran out: going on with %d %s at a time", size, name)
        else:
            last = first


def _is_memory(error: Exception) -> bool:
    # The CPU allocator of torch has no class of its own for this.
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return "not enough memory" in str(error)
