"""Decode a picture with Pillow, without the messages that libtiff prints."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress

from PIL import Image

_lock = threading.RLock()
_STDERR = 2


def load_pixels(image: Image.Image) -> None:
    """Decode a picture that Pillow opened; Pillow's errors for damaged data are not converted."""
    with _without_stderr() if image.format == "TIFF" else nullcontext():
        image.load()


@contextmanager
def _without_stderr() -> Iterator[None]:
    """Redirect the file descriptor of standard error to the null device while the block runs.

    libtiff prints errors there, and Pillow cannot prevent it; the user sees the error that Pillow
    then raises instead. Output of other threads is lost meanwhile, so the block must be short.
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
