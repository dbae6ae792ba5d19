"""Has Pillow decode a picture, without the lines that libtiff prints by itself."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress

from PIL import Image

_lock = threading.RLock()
_STDERR = 2


def load_pixels(image: Image.Image) -> None:
    """Decode a picture that Pillow opened. Pillow's own errors of damaged data pass through."""
    with _without_stderr() if image.format == "TIFF" else nullcontext():
        image.load()


@contextmanager
def _without_stderr() -> Iterator[None]:
    """Send the file descriptor of standard error nowhere while the block runs.

    libtiff tells there what it finds wrong with a file, and Pillow gives no way to turn that off;
    the error that Pillow then raises is what a person is told. What another thread writes there
    meanwhile is lost, so the block is to be short.
    """
    with _lock:
        try:
            kept = os.dup(_STDERR)
        except OSError:  # standard error is closed
            yield
            return
        with suppress(OSError, ValueError, AttributeError):
            sys.stderr.flush()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, _STDERR)
        os.close(nowhere)
        try:
            yield
        finally:
            os.dup2(kept, _STDERR)
            os.close(kept)
