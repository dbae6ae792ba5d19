"""The progress bars that are shown while a model is loaded."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def download_bars_alone() -> Iterator[None]:
    """Hide the bar of transformers that counts tensors; those of downloads stay on a terminal.

    The bar of tensors ends within seconds, and its line would stay among those of a conversation.
    """
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, enable_progress_bars
    from transformers.utils import logging as reports

    shown, hidden = reports.is_progress_bar_enabled(), are_progress_bars_disabled()
    reports.disable_progress_bar()  # those of downloads, too
    if not hidden and sys.stderr.isatty():
        enable_progress_bars()
    try:
        yield
    finally:
        if shown and not hidden:
            reports.enable_progress_bar()
