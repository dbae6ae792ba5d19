"""Running out of memory, said plainly."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from tam.errors import ResourceError


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
    except torch.OutOfMemoryError as error:
        raise _told("the accelerator") from error
    except MemoryError as error:
        raise _told("this machine") from error
    except RuntimeError as error:
        # The CPU allocator of torch has no class of its own for this.
        if "not enough memory" not in str(error):
            raise
        raise _told("this machine") from error


def _told(place: str) -> ResourceError:
    return ResourceError(
        f"the memory of {place} ran out",
        where="model",
        remedy="use a smaller picture, fewer new tokens, --dtype bfloat16, --load-in 4bit or "
        "--device-map auto",
    )
