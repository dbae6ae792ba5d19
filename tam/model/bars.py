"""Progress bars shown while a model loads."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def download_bars_alone() -> Iterator[None]:
    """Hide transformers' bar of loaded tensors; download bars still appear on a terminal.

    The tensor bar finishes within seconds, but its line would remain in the middle of a chat.
    """
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, enable_progress_bars
    from transformers.utils import logging as reports

    shown, hidden = reports.is_progress_bar_enabled(), are_progress_bars_disabled()
    reports.disable_progress_bar()  # this hides download bars, too
    if not hidden and sys.stderr.isatty():
        enable_progress_bars()
    try:
        yield
    finally:
        if shown and not hidden:
            reports.enable_progress_bar()
