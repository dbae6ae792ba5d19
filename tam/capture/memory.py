"""Running out of memory, said plainly."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from tam.errors import ResourceError, ran_out_of_memory


@contextmanager
def memory_errors() -> Iterator[None]:
    """Turn the ways in which memory runs out into one clear error.

    Raises
    ------
    ResourceError
        In the place of torch's and Python's own errors.
    """
    try:
        yield
    except Exception as error:
        if not ran_out_of_memory(error):
            raise
        on_accelerator = isinstance(error, torch.OutOfMemoryError)
        raise _told("the accelerator" if on_accelerator else "this machine") from error


def _told(place: str) -> ResourceError:
    return ResourceError(
        f"the memory of {place} ran out",
        where="model",
        remedy="use a smaller picture, fewer new tokens, --dtype bfloat16, --load-in 4bit or "
        "--device-map auto",
    )
