"""Processing in blocks that fit into the cache and into memory.

On a CPU torch splits every operation on more than 32768 elements over its threads and waits for the
slowest. If other programs keep the cores busy, each of those waits costs milliseconds. So the ops
here run torch on one thread, in blocks, and distribute only long sequences of blocks over a thread
pool, which synchronizes once at the end.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

import torch

CACHED: Final = 1 << 16
"""Elements of one elementwise pass on a CPU. Its operands stay in the last cache; smaller blocks,
which stay in nearer ones, lose more to the calls than they gain."""

# The same on other devices, where only the use of memory matters.
_AT_ONCE = 1 << 22

# With fewer blocks per thread, threads cost more than they save: a block takes about 2 ms.
_WORTH_THREADS = 6

_LOG = logging.getLogger("tam")
_outer = threading.local()


@contextmanager
def one_thread(device: torch.device) -> Iterator[None]:
    """Run torch's CPU operations on the calling thread only, and restore its thread count."""
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
    """Split a range into blocks.

    Examples
    --------
    >>> blocks(5, 2)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    return [slice(first, min(first + size, total)) for first in range(0, total, size)]


def row_blocks(rows: int, columns: int, device: torch.device, cached: int = CACHED) -> list[slice]:
    """Split the rows of [rows, columns] into blocks for elementwise operations.

    Parameters
    ----------
    cached
        Elements of a block on a CPU.
    """
    elements = cached if device.type == "cpu" else _AT_ONCE
    return blocks(rows, max(1, elements // max(1, columns)))


def on_threads(work: Callable[[slice], None], parts: Sequence[slice], device: torch.device) -> None:
    """Call ``work`` on every block, on a CPU with as many threads as torch may use.

    Parameters
    ----------
    work
        Processes one block. No two blocks may write to the same memory.
    parts
        The blocks.
    device
        The device of the tensors that ``work`` uses.
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

    If memory runs out, the chunk size is halved, a warning is logged, and the work continues with
    the chunk that failed; finished chunks are kept.

    Parameters
    ----------
    name
        The name of the elements, for the warning.
    total
        Length of the range.
    size
        Initial chunk size.
    work
        Processes a chunk; it must be possible to call it again for the same elements.

    Raises
    ------
    RuntimeError
        Torch's own out-of-memory error, if not even a chunk of one element fits.
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
            _LOG.warning("out of memory: continuing with %d %s at a time", size, name)
        else:
            last = first


def _is_memory(error: Exception) -> bool:
    # Torch's CPU allocator raises a plain RuntimeError.
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return "not enough memory" in str(error)
